// SPDX-License-Identifier: Apache-2.0
#include "board/emulated_board.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "io/error.hpp"

namespace tern::sim {
namespace {

/// Between two looks at what the faults wait for.
constexpr uint64_t kSlice = 4096;

std::unique_ptr<BoardModel> make_board(std::string_view name) {
  if (name == "ulx3s") return make_board_ulx3s();
  if (name == "ulx3s_quick") return make_board_ulx3s_quick();
  throw Error("board {} is unknown; known: ulx3s, and ulx3s_quick with a quicker line",
              quote(name));
}

void check_probability(double p, const char* what) {
  if (!(p >= 0 && p < 1)) throw Error("a {} of {} is no probability below 1", what, p);
}

}  // namespace

EmulatedBoard::EmulatedBoard(std::string_view name, const BoardFaults& faults)
    : model_(make_board(name)), faults_(faults), random_(faults.seed) {
  check_probability(faults.noise, "noise");
  check_probability(faults.drop, "drop rate");
}

std::vector<uint8_t> EmulatedBoard::damage(std::span<const uint8_t> bytes) {
  std::uniform_real_distribution<double> chance(0, 1);
  std::vector<uint8_t> out;
  for (uint8_t byte : bytes) {
    if (faults_.drop > 0 && chance(random_) < faults_.drop) {
      ++lost_;
      continue;
    }
    if (faults_.noise > 0 && chance(random_) < faults_.noise) {
      ++damaged_;
      byte ^= static_cast<uint8_t>(1 + random_() % 255);
    }
    out.push_back(byte);
  }
  return out;
}

void EmulatedBoard::send(std::span<const uint8_t> bytes) {
  to_board_ += bytes.size();
  for (const uint8_t byte : damage(bytes)) model_->send(byte);
}

std::vector<uint8_t> EmulatedBoard::run(uint64_t cycles) {
  const uint64_t end = model_->cycles() + cycles;
  std::vector<uint8_t> bytes;
  while (bytes.empty() && model_->cycles() < end) {
    model_->run(std::min(kSlice, end - model_->cycles()));
    bytes = model_->take();
    from_board_ += bytes.size();
    bytes = damage(bytes);
    if (faults_.reset_after != 0 && model_->working_cycles() >= faults_.reset_after) {
      faults_.reset_after = 0;
      reset();
    }
  }
  return bytes;
}

void EmulatedBoard::preload(uint64_t address, std::span<const std::byte> data) {
  if (address > SdramChip::kBytes || data.size() > SdramChip::kBytes - address) {
    throw Error("{} bytes at 0x{:x} do not fit the board's memory of {} bytes", data.size(),
                address, SdramChip::kBytes);
  }
  for (std::size_t i = 0; i < data.size(); ++i) {
    const uint32_t shift = (address + i) % 2 * 8;
    uint16_t& word = memory().word(address + i);
    word = static_cast<uint16_t>((word & ~(0xff << shift)) | static_cast<int>(data[i]) << shift);
  }
}

void EmulatedBoard::reset() {
  ++resets_;
  model_->reset();
}

std::string EmulatedBoard::summary() {
  std::string text = fmt::format(
      "{} cycles, {:.3f} s at {:.4g} MHz; {} bytes to the board, {} from it, {} damaged, {} lost; "
      "{} resets; SDRAM: {} rules broken",
      model_->cycles(), static_cast<double>(model_->cycles()) / model_->clock_hz(),
      model_->clock_hz() * 1e-6, to_board_, from_board_, damaged_, lost_, resets_,
      memory().violations());
  for (const std::string& message : memory().messages()) text += "\n  " + message;
  return text;
}

}  // namespace tern::sim
