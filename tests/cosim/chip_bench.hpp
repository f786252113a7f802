#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "matrix_case.hpp"
#include "spec/generated/registers.hpp"
#include "verilated_chip.hpp"

namespace tern::test {

/// A simulated chip with a bump allocator for its memory and the few register sequences that a
/// program needs.
class ChipBench {
 public:
  explicit ChipBench(const sim::ChipOptions& options) : chip(options) {
    chip.reserve_memory(uint64_t{64} << 20);
  }

  /// Copies bytes into fresh memory; returns their address, a multiple of 64. Some gaps vary where
  /// pages begin.
  uint64_t place(const std::vector<std::byte>& bytes) {
    const uint64_t address = allocate(bytes.size());
    chip.write_memory(address, bytes);
    return address;
  }

  /// Fresh memory filled with a pattern that no result has.
  uint64_t allocate(uint64_t bytes) {
    const uint64_t address = next_;
    next_ += (bytes + 191) / 64 * 64;
    chip.write_memory(address, std::vector<std::byte>(bytes + 64, std::byte{0xa5}));
    return address;
  }

  void release_all() { next_ = 4096 - 192; }

  void ring(const spec::Command& command) {
    while (space() == 0) chip.run(20);
    const spec::Command::Words words = command.pack();
    for (uint32_t i = 0; i < spec::kCommandWords; ++i) {
      chip.write_register(spec::reg::kCmd + 4 * i, words.w[i]);
    }
    chip.write_register(spec::reg::kDoorbell, 1);
    ++rung_;
  }

  uint32_t space() {
    return chip.read_register(spec::reg::kStatus) >> spec::reg::kStatusCmdSpaceLsb & 0xff;
  }

  /// Waits until all commands are done; false on a timeout or on an error bit outside of `allowed`.
  bool wait_done(uint64_t timeout = 2'000'000, uint32_t allowed = 0) {
    for (;;) {
      if (!chip.wait_interrupt(timeout)) return false;
      if ((errors() & ~allowed) != 0) return false;
      chip.write_register(spec::reg::kError, allowed);
      const uint32_t done = chip.read_register(spec::reg::kDone);
      chip.write_register(spec::reg::kIrqAck, done);
      if (done == rung_) return true;
    }
  }

  uint32_t errors() { return chip.read_register(spec::reg::kError); }
  uint32_t done() { return chip.read_register(spec::reg::kDone); }

  bool soft_reset() {
    chip.write_register(spec::reg::kCtrl, 1);
    rung_ = 0;
    for (int i = 0; i < 1000; ++i) {
      if ((chip.read_register(spec::reg::kStatus) & 1) == 0) return true;
      chip.run(10);
    }
    return false;
  }

  /// Compares result entries, and that nothing behind them was touched.
  testing::AssertionResult check(const MatrixCase& expected, uint64_t address) {
    std::vector<std::byte> found(expected.result().size() + 64);
    chip.read_memory(address, found);
    for (size_t i = 0; i < found.size(); i += 4) {
      uint32_t rtl, reference = 0xa5a5a5a5;
      std::memcpy(&rtl, found.data() + i, 4);
      if (i < expected.result().size()) std::memcpy(&reference, expected.result().data() + i, 4);
      if (rtl == reference) continue;
      const MatrixCase::Shape& s = expected.shape();
      return testing::AssertionFailure()
             << "byte " << i << " of " << expected.result().size() << ": rtl " << rtl
             << " reference " << reference << " (" << (s.value_layout ? "value" : "plane")
             << " layout, " << s.rows << " x " << s.cols << ", planes " << s.planes << ", block "
             << s.block << ", stripes " << expected.stripes() << ", m " << s.act_columns << ")";
    }
    return testing::AssertionSuccess();
  }

  sim::VerilatedChip chip;

 private:
  uint64_t next_ = 4096 - 192;
  uint32_t rung_ = 0;
};

}  // namespace tern::test
