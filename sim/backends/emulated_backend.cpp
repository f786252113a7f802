// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "backends/backends.hpp"
#include "board/board_line.hpp"
#include "driver/src/serial/link_transport.hpp"

namespace tern::sim {
namespace {

/// Its memory has the model before the driver looks: an upload of a megabyte takes minutes to
/// simulate.
class EmulatedTransport final : public driver::LinkTransport {
 public:
  explicit EmulatedTransport(std::shared_ptr<EmulatedBoard> board)
      : LinkTransport(std::make_unique<BoardLine>(board)), board_(std::move(board)) {}

  void load_memory(uint64_t address, std::span<const std::byte> data,
                   const MemoryProgress& progress) override {
    board_->preload(address, data);
    LinkTransport::load_memory(address, data, progress);
  }

 private:
  std::shared_ptr<EmulatedBoard> board_;
};

}  // namespace

const char* const kEmulatedDescription = "an emulated board, its RTL simulated; board:ulx3s";

std::unique_ptr<Device> open_emulated(std::string_view argument, const DeviceSettings& settings) {
  const BoardFaults faults{.seed = settings.seed};
  return open_board(
      std::make_unique<EmulatedTransport>(std::make_shared<EmulatedBoard>(argument, faults)),
      settings);
}

}  // namespace tern::sim
