// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "machine.hpp"
#include "spec/generated/registers.hpp"
#include "spec/waits.hpp"
#include "verilated_chip.hpp"

namespace tern::test {

/// A simulated chip without firmware: commands go through the host's window straight to the command
/// queue, and to the untimed machine, which says what must come out.
class CommandBench {
 public:
  explicit CommandBench(const sim::ChipOptions& options, uint64_t memory_bytes)
      : chip(options), machine(io::find_config(options.config), {true, options.timing.seed}) {
    chip.reserve_memory(memory_bytes);
    machine.reserve_memory(memory_bytes);
  }

  void write_memory(uint64_t address, std::span<const std::byte> data) {
    chip.write_memory(address, data);
    machine.write_memory(address, data);
  }

  /// Whether the machine takes the command; if it does, the chip gets it too, at once or on the
  /// tape that is open.
  bool issue(const spec::CommandWords& words, spec::Unit unit) {
    sim::Machine trial = machine;
    try {
      give(trial, words);
    } catch (const Error& e) {
      refusal = e.what();
      return false;
    }
    machine = std::move(trial);
    if (tape_open_) {
      tape_.push_back(words);
    } else {
      for (uint32_t i = 0; i < spec::kCommandWords; ++i)
        write_device(spec::mmio::cmd::word(i), words.w[i]);
      write_device(spec::mmio::kIssue, 1);
    }
    ++issued[static_cast<std::size_t>(unit)];
    return true;
  }

  /// Commands are collected from now on.
  void open_tape() { tape_open_ = true; }
  /// The commands that were collected go to the controller's data memory, from a byte offset on,
  /// and the chip plays them. What commands have no words for holds anything.
  void play_tape(uint32_t offset, std::mt19937_64& random) {
    const auto waits = static_cast<uint32_t>(random());
    data_window(offset);
    for (spec::CommandWords& words : tape_) {
      uint32_t& relative = words.w[spec::fields::kWaits.word];
      relative = spec::subtract_waits(relative, waits);
      if (opcode_of(words) == spec::ChipOpcode::kScalar)
        words.w[4] = words.w[6] = words.w[7] = static_cast<uint32_t>(random());
      for (const uint32_t word : words.w) chip.write_register(spec::reg::kWindowData, word);
    }
    write_device(spec::mmio::kTapeWaits, waits);
    write_device(spec::mmio::kTape,
                 spec::mmio::tape::kCommands.put(static_cast<uint32_t>(tape_.size())) |
                     spec::mmio::tape::kStart.put(offset));
    // The host may read the memory meanwhile, and finds it as it was.
    data_window(offset);
    for (const spec::CommandWords& words : tape_) {
      for (const uint32_t word : words.w)
        EXPECT_EQ(chip.read_register(spec::reg::kWindowData), word);
    }
    tape_.clear();
    tape_open_ = false;
  }
  std::size_t tape_size() const { return tape_.size(); }

  /// Fills the waits with all that other units were given so far, less up to `slack` commands.
  template <typename Command>
  void after_all(Command& c, std::mt19937_64& random, uint32_t slack = 0) {
    const auto count = [&](spec::Unit unit) {
      const uint32_t n = issued[static_cast<std::size_t>(unit)];
      return (n - (slack ? static_cast<uint32_t>(random() % (std::min(n, slack) + 1)) : 0)) & 0xff;
    };
    c.wait_load = count(spec::Unit::kLoad);
    c.wait_matmul = count(spec::Unit::kMatmul);
    c.wait_vector = count(spec::Unit::kVector);
    c.wait_store = count(spec::Unit::kStore);
  }

  uint32_t read_device(uint32_t offset) {
    window(offset);
    return chip.read_register(spec::reg::kWindowData);
  }
  void write_device(uint32_t offset, uint32_t value) {
    window(offset);
    chip.write_register(spec::reg::kWindowData, value);
  }

  /// Waits until every unit has done what it was given.
  bool wait_done(uint32_t polls = 100'000) {
    uint32_t target = 0;
    for (uint32_t u = 0; u < issued.size(); ++u) target |= spec::count_of(u).put(issued[u] & 0xff);
    for (uint32_t i = 0; i < polls; ++i) {
      if (read_device(spec::mmio::kDone) == target) {
        while (machine.read(spec::mmio::kDone) != target) {
        }
        return true;
      }
      chip.run(20);
    }
    return false;
  }

  uint32_t errors() { return chip.read_register(spec::reg::kError); }

  /// Compares memory from `first` on.
  testing::AssertionResult same_memory(uint64_t first, uint64_t bytes) {
    std::vector<std::byte> found(bytes), expected(bytes);
    chip.read_memory(first, found);
    machine.read_memory(first, expected);
    for (uint64_t i = 0; i < bytes; ++i) {
      if (found[i] == expected[i]) continue;
      return testing::AssertionFailure()
             << "memory at " << first + i << ": chip " << std::to_integer<int>(found[i])
             << ", machine " << std::to_integer<int>(expected[i]);
    }
    return testing::AssertionSuccess();
  }

  sim::VerilatedChip chip;
  sim::Machine machine;
  std::array<uint32_t, spec::kUnitCount> issued{};
  std::string refusal;

 private:
  static void give(sim::Machine& machine, const spec::CommandWords& words) {
    for (uint32_t i = 0; i < spec::kCommandWords; ++i) {
      machine.write(spec::mmio::cmd::word(i), words.w[i]);
    }
    machine.write(spec::mmio::kIssue, 1);
  }
  void window(uint32_t offset) {
    chip.write_register(spec::reg::kWindowAddr, spec::kMmioBase + offset);
  }
  void data_window(uint32_t offset) {
    chip.write_register(spec::reg::kWindowAddr, spec::kDataBase + offset);
  }

  bool tape_open_ = false;
  std::vector<spec::CommandWords> tape_;
};

}  // namespace tern::test
