// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "../system/clocked.hpp"
#include "vector_model.hpp"

namespace tern::test {

/// Drives a verilated vector unit with a scratchpad and an activation buffer of its own, and runs
/// every command on a State as well; when the unit says that a command is done, everything must be
/// equal. Memory ports are ready with the given probabilities; a write is seen by reads accepted
/// two cycles later.
template <typename Variant>
class VectorBench {
 public:
  using Block = typename Variant::Block;
  static constexpr Sizes kSizes = Variant::kSizes;
  static constexpr uint32_t kLanes = kSizes.lanes;

  explicit VectorBench(uint64_t seed) : dice(seed), expected(kSizes), actual_(kSizes) {
    unit->cmd_valid_i = 0;
    unit->rd_ready_i = 0;
    unit->rd_data_valid_i = 0;
    unit->wr_ready_i = 0;
    unit->ext_wr_valid_i = 0;
    unit->ext_rd_valid_i = 0;
    unit->topk_index_i = 0;
    unit.reset();
    for (uint32_t i = 0; i < spec::kScalarRegs; ++i) set_scalar(i, dice.between(0, ~0ull));
    for (size_t i = 0; i < expected.acts.size(); ++i) {
      expected.acts[i] = static_cast<int8_t>(dice.between(0, 255));
    }
    actual_.acts = expected.acts;
  }

  // ---- contents; only while nothing runs

  void set_word(uint64_t address, int32_t value) {
    expected.word(address) = value;
    actual_.word(address) = value;
  }
  void set_scalar(uint32_t index, uint64_t value) {
    write_scalar(index, value, 3);
    expected.scalars[index] = value;
  }
  void write_scalar(uint32_t index, uint64_t value, uint32_t strobe) {
    unit->ext_wr_valid_i = 1;
    unit->ext_wr_index_i = index;
    unit->ext_wr_strobe_i = strobe;
    unit->ext_wr_data_i = value;
    do {
      unit.settle();
    } while (!step_until(unit->ext_wr_ready_o));
    unit->ext_wr_valid_i = 0;
  }
  uint64_t read_scalar(uint32_t index) {
    unit->ext_rd_valid_i = 1;
    unit->ext_rd_index_i = index;
    do {
      unit.settle();
    } while (!step_until(unit->ext_rd_ready_o));
    unit->ext_rd_valid_i = 0;
    unit.settle();
    EXPECT_TRUE(unit->ext_rd_done_o);
    return unit->ext_rd_data_o;
  }

  // ---- commands

  template <typename Command>
  void queue(const Command& command) {
    queue_words(command.pack());
  }
  void queue_words(const spec::CommandWords& words) { commands_.push_back(words); }

  /// Runs until everything queued is done; returns the cycles from the first acceptance to the last
  /// done.
  uint64_t run(uint64_t limit = 2'000'000) {
    uint64_t first = 0;
    accepted_at_ = 0;
    for (uint64_t end = unit.cycle() + limit; !commands_.empty() || !running_.empty();) {
      if (unit.cycle() > end) throw std::runtime_error("vector_unit: no end of a command");
      step();
      if (!first) first = accepted_at_;
      if (testing::Test::HasFatalFailure()) return 0;
    }
    return done_at_ - first;
  }

  /// Scalar registers and the top-k list through their ports.
  void check_scalars() {
    for (uint32_t i = 0; i < spec::kScalarRegs; ++i) {
      ASSERT_EQ(read_scalar(i), expected.scalars[i]) << "scalar register " << i;
    }
  }
  void check_top() {
    const std::vector<State::Kept> top = expected.top();
    ASSERT_EQ(unit->topk_count_o, top.size());
    for (uint32_t i = 0; i < top.size(); ++i) {
      unit->topk_index_i = i;
      step();
      ASSERT_EQ(static_cast<int32_t>(unit->topk_value_o), top[i].value) << "place " << i;
      ASSERT_EQ(unit->topk_number_o, top[i].number) << "place " << i;
    }
  }

  /// One cycle.
  void step() {
    if (!commands_.empty() && !unit->cmd_valid_i && dice.chance(command_rate)) {
      unit->cmd_valid_i = 1;
      std::memcpy(&unit->cmd_i, commands_.front().w, 32);
    }
    unit->rd_ready_i = read_rate >= 1 || dice.chance(read_rate);
    unit->wr_ready_i = write_rate >= 1 || dice.chance(write_rate);
    apply_writes();
    unit->rd_data_valid_i = !reads_.empty() && reads_.front().cycle + 2 == unit.cycle();
    if (unit->rd_data_valid_i) {
      std::memcpy(&unit->rd_data_i, reads_.front().data.data(), 4 * kLanes);
      reads_.pop_front();
    }
    unit.settle();

    if (unit->done_o) check_done();
    saturated_ += unit->saturated_o;
    if (unit->rd_valid_o && unit->rd_ready_i) read(unit->rd_addr_o);
    if (unit->wr_valid_o && unit->wr_ready_i) write();
    if (unit->act_valid_o) write_act();
    const bool taken = unit->cmd_valid_i && unit->cmd_ready_o;
    unit.tick();
    if (taken) {
      accepted_at_ = unit.cycle() - 1;
      running_.push_back(commands_.front());
      commands_.pop_front();
      unit->cmd_valid_i = 0;
    }
  }

  double command_rate = 1, read_rate = 1, write_rate = 1;
  Clocked<Block> unit;
  Dice dice;
  State expected;

 private:
  struct Read {
    uint64_t cycle;
    std::vector<int32_t> data;
  };
  struct Write {
    uint64_t cycle;
    uint64_t address;
    std::vector<int32_t> data;
    uint32_t mask;
  };

  bool step_until(bool ready) {
    step();
    return ready;
  }

  void read(uint64_t address) {
    Read& read = reads_.emplace_back();
    read.cycle = unit.cycle();
    for (uint32_t i = 0; i < kLanes; ++i) {
      const uint64_t word = address + i - kSizes.base;
      read.data.push_back(word < kSizes.words ? actual_.scratch[word]
                                              : static_cast<int32_t>(dice.between(0, ~0u)));
    }
  }

  void write() {
    Write& write = writes_.emplace_back();
    write.cycle = unit.cycle();
    write.address = unit->wr_addr_o;
    write.mask = unit->wr_mask_o;
    write.data.resize(kLanes);
    std::memcpy(write.data.data(), &unit->wr_data_o, 4 * kLanes);
  }

  void apply_writes() {
    while (!writes_.empty() && writes_.front().cycle + 2 <= unit.cycle()) {
      const Write& write = writes_.front();
      for (uint32_t i = 0; i < kLanes; ++i) {
        if (write.mask >> i & 1) actual_.word(write.address + i) = write.data[i];
      }
      writes_.pop_front();
    }
  }

  void write_act() {
    int8_t data[64];
    std::memcpy(data, &unit->act_data_o, kLanes);
    for (uint32_t i = 0; i < kLanes; ++i) {
      if (unit->act_mask_o >> i & 1) {
        actual_.act(unit->act_column_o, unit->act_tile_o, unit->act_offset_o * kLanes + i) =
            data[i];
      }
    }
  }

  void check_done() {
    done_at_ = unit.cycle();
    ASSERT_FALSE(running_.empty()) << "a command too many is done";
    const spec::CommandWords words = running_.front();
    running_.pop_front();
    expected.run(words);
    const auto first =
        std::mismatch(expected.scratch.begin(), expected.scratch.end(), actual_.scratch.begin());
    ASSERT_TRUE(first.first == expected.scratch.end())
        << describe(words) << ": scratchpad word "
        << first.first - expected.scratch.begin() + kSizes.base << " is " << *first.second
        << ", expected " << *first.first;
    ASSERT_TRUE(expected.acts == actual_.acts) << describe(words) << ": activation buffer";
    ASSERT_EQ(saturated_, expected.saturated) << describe(words) << ": saturated elements";
  }

  static std::string describe(const spec::CommandWords& words) {
    const auto c = spec::VectorCommand::unpack(words);
    if (c.opcode != static_cast<uint32_t>(spec::ChipOpcode::kVector)) return "SCALAR";
    return std::string("VECTOR ") + spec::name_of(static_cast<spec::VectorOp>(c.op)) + " n " +
           std::to_string(c.n) + " rows " + std::to_string(c.rows) + " a " + std::to_string(c.a) +
           " b " + std::to_string(c.b) + " dst " + std::to_string(c.dst) + " shift " +
           std::to_string(c.shift) + " use_scalar " + std::to_string(c.use_scalar) + " dest " +
           std::to_string(c.dest) + " reduce " + std::to_string(c.reduce);
  }

  State actual_;
  std::deque<spec::CommandWords> commands_, running_;
  std::deque<Read> reads_;
  std::deque<Write> writes_;
  uint64_t accepted_at_ = 0, done_at_ = 0, saturated_ = 0;
};

}  // namespace tern::test
