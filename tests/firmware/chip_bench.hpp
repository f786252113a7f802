// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "golden/model.hpp"
#include "io/image.hpp"
#include "machine.hpp"
#include "spec/trace.hpp"

namespace tern::test {

/// A traced vector, and what a unit of it is worth where the record says so.
struct Traced {
  std::vector<int32_t> values;
  spec::ScaleBits scale{};
};
using Traces = std::map<TraceKey, Traced>;

/// What the chip answered to one request.
struct Answer {
  std::vector<uint32_t> words;  ///< All words but traces, as they came.
  std::vector<int32_t> tokens;
  std::optional<uint32_t> loaded;
  std::optional<spec::FirmwareError> error;
  uint32_t detail = 0;
  uint32_t position = 0;
  uint64_t random = 0;
  int flushes = 0;
};

/// A request's settings; the defaults are greedy, without a trace.
struct Ask {
  std::vector<int32_t> prompt;
  std::vector<int32_t> stops;
  spec::GenerateRequest request{.max_new = 0, .top_k = 64, .top_p_q16 = 65536};
};

/// The controller's program on a Machine. Two kinds: the sources compiled for the host, and the
/// program of the cross compiler on the instruction-set simulator.
class ChipBench {
 public:
  explicit ChipBench(const spec::ChipConfig& config, const sim::MachineOptions& options = {});
  virtual ~ChipBench() = default;

  sim::Machine& machine() { return machine_; }
  /// Starts the firmware, which says that it is ready.
  virtual void start() = 0;

  /// Puts the image at a byte address, zeroes its caches and asks the firmware to take it.
  Answer load(const io::Image& image, uint64_t address = 0);
  Answer load_at(uint64_t address);
  Answer reset();
  Answer generate(const Ask& ask);
  Answer send(const std::vector<uint32_t>& words);

  Traces traces;
  uint64_t trace_address = 0;  ///< Where load() left room.
  uint64_t trace_bytes = 0;

  static std::unique_ptr<ChipBench> on_host(const spec::ChipConfig& config,
                                            const sim::MachineOptions& options = {});
  static std::unique_ptr<ChipBench> on_iss(const spec::ChipConfig& config,
                                           const sim::MachineOptions& options = {});
  /// From now on no command seems to end. Only on the host.
  virtual void freeze_done() {}
  /// Instructions that were executed; 0 on the host.
  virtual uint64_t instructions() const { return 0; }

 protected:
  /// Lets the firmware work until it has answered and waits for words.
  virtual void run() = 0;
  /// What the host does while the firmware waits: sends words while there is room, takes answers.
  /// Returns false when nothing moved.
  bool pump();

  sim::Machine machine_;

 private:
  void take(uint32_t word);
  void read_traces(uint32_t units);

  std::deque<uint32_t> outgoing_;
  std::vector<uint32_t> incoming_;
  Answer answer_;
};

/// All that golden traces for these tokens, one after another, but for the codes in the caches.
Traces golden_traces(golden::Model& golden, std::span<const int32_t> tokens);

/// Fails the test on the first difference.
void expect_same(const Traces& got, const Traces& expected);

}  // namespace tern::test
