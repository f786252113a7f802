// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <vector>

#include "../system/clocked.hpp"
#include "axi_memory.hpp"
#include "board/sdram_chip.hpp"

namespace tern::test {

using sim::kMicron75At100;
using sim::kMicron75At133;
using sim::SdramChip;
using sim::SdramPins;
using sim::SdramRule;
using sim::SdramTiming;

/// How the other side of the bus behaves: probabilities that a channel moves in a cycle.
struct AxiRates {
  double request = 1;  ///< A new access starts, for each direction.
  double w = 1, r = 1, b = 1;
};

/// What is asked of the controller.
struct AxiAccess {
  bool write = false;
  uint64_t address = 0;  ///< A multiple of 8.
  uint32_t beats = 1;
  std::vector<uint64_t> data = {};
  std::vector<uint8_t> strobes = {};
  std::vector<uint8_t> bad_parity = {};  ///< Parity bits to turn over; empty: none.
  bool early_last = false;               ///< WLAST with the first beat of several.
};

/// A verilated SDRAM controller, the chip behind it and a memory of bytes beside it that says what
/// each read must give. Accesses are queued with add(); step() is one clock cycle and compares.
/// Accesses that touch the same bytes must not overlap in time, unless both are reads: see
/// conflicts(). kReadDelay cycles, 0 or 1, pass between the chip's data pins and the controller's.
template <typename Block, uint32_t kReadDelay>
class SdramBench {
 public:
  static constexpr uint64_t kBytes = uint64_t{32} << 20;
  static constexpr uint32_t kMaxOutstanding = 12;

  SdramBench(const SdramTiming& timing, uint64_t seed)
      : chip(timing), dice(seed), expected_(kBytes / 8) {
    uint64_t random = seed * 0x9e3779b97f4a7c15u + 1;
    for (uint64_t i = 0; i < kBytes; i += 8) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      const uint64_t value = random ^ random >> 29;
      expected_[i / 8] = value;
      for (uint32_t k = 0; k < 4; ++k) {
        chip.word(i + 2 * k) = static_cast<uint16_t>(value >> (16 * k));
      }
    }
    block->s_axi_arvalid_i = block->s_axi_awvalid_i = block->s_axi_wvalid_i = 0;
    block->s_axi_rready_i = block->s_axi_bready_i = 0;
    block->sdram_dq_i = 0;
    block.reset();
  }

  /// The data of a write may be taken before its address, and later.
  void add(const AxiAccess& access) {
    (access.write ? writes_ : reads_).push_back(access);
    if (access.write) queue_data(access);
  }
  bool room(bool write) const { return (write ? writes_ : reads_).size() < 2; }
  bool idle() const {
    return reads_.empty() && writes_.empty() && reading_.empty() && answers_.empty() &&
           beats_.empty();
  }

  /// Whether an access would meet one that is under way and must not.
  bool conflicts(const AxiAccess& access) const {
    const auto meets = [&](const auto& others) {
      for (const auto& other : others) {
        if (access.address < other.address + 8 * other.beats &&
            other.address < access.address + 8 * access.beats) {
          return true;
        }
      }
      return false;
    };
    if (meets(writes_) || meets(answers_)) return true;
    return access.write && (meets(reads_) || meets(reading_));
  }

  void step(const AxiRates& rates) {
    drive(rates);
    block->sdram_dq_i = kReadDelay == 0 ? chip.dq() : late_dq_;
    late_dq_ = chip.dq();
    block.settle();
    const SdramPins pins{.cke = block->sdram_cke_o != 0,
                         .cs_n = block->sdram_cs_no != 0,
                         .ras_n = block->sdram_ras_no != 0,
                         .cas_n = block->sdram_cas_no != 0,
                         .we_n = block->sdram_we_no != 0,
                         .ba = block->sdram_ba_o,
                         .a = block->sdram_a_o,
                         .dqm = block->sdram_dqm_o,
                         .dq_driven = block->sdram_dq_oe_o != 0,
                         .dq = block->sdram_dq_o};
    data_cycles += chip.drives() || pins.dq_driven;
    collect();
    chip.edge(pins);
    block.tick();
    if (ar_taken_) block->s_axi_arvalid_i = 0;
    if (aw_taken_) block->s_axi_awvalid_i = 0;
    if (w_taken_) block->s_axi_wvalid_i = 0;
  }

  void run(const AxiRates& rates, uint64_t limit) {
    for (uint64_t i = 0; i < limit && !idle() && !testing::Test::HasFatalFailure(); ++i) {
      step(rates);
    }
    ASSERT_FALSE(testing::Test::HasFatalFailure());
    ASSERT_TRUE(idle()) << "not done within " << limit << " cycles";
    // The last words of a write are on their way when it is answered.
    for (int i = 0; i < 8; ++i) step({});
  }

  /// Compares the whole chip with what it must contain.
  void check_memory() {
    for (uint64_t i = 0; i < kBytes; i += 8) {
      uint64_t found = 0;
      for (uint32_t k = 0; k < 4; ++k) found |= uint64_t{chip.word(i + 2 * k)} << (16 * k);
      ASSERT_EQ(found, expected_[i / 8]) << "at byte " << i;
    }
  }

  std::string messages() const {
    std::string all;
    for (const std::string& message : chip.messages()) all += message + "\n";
    return all;
  }

  Clocked<Block> block;
  SdramChip chip;
  Dice dice;
  uint64_t data_cycles = 0;  ///< In which either side drives the data bus.
  uint64_t read_beats = 0, written_bursts = 0, read_bursts = 0;
  std::vector<uint32_t> responses;  ///< Of writes, if keep_responses.
  bool keep_responses = false;

 private:
  struct Answer {
    uint64_t address;
    uint32_t beats;
    uint32_t response;
    uint64_t end;  ///< Data beats taken when its last one is.
  };
  struct Beat {
    uint64_t data;
    uint8_t strobes, parity;
    bool last;
  };

  static bool outside(uint64_t address) { return address >= kBytes; }

  void drive(const AxiRates& rates) {
    if (!block->s_axi_arvalid_i && !reads_.empty() && reading_.size() < kMaxOutstanding &&
        dice.chance(rates.request)) {
      block->s_axi_arvalid_i = 1;
      block->s_axi_araddr_i = reads_.front().address;
      block->s_axi_arlen_i = static_cast<uint8_t>(reads_.front().beats - 1);
    }
    if (!block->s_axi_awvalid_i && !writes_.empty() && answers_.size() < kMaxOutstanding &&
        dice.chance(rates.request)) {
      block->s_axi_awvalid_i = 1;
      block->s_axi_awaddr_i = writes_.front().address;
      block->s_axi_awlen_i = static_cast<uint8_t>(writes_.front().beats - 1);
    }
    if (!block->s_axi_wvalid_i && !beats_.empty() && dice.chance(rates.w)) {
      const Beat& beat = beats_.front();
      block->s_axi_wvalid_i = 1;
      block->s_axi_wdata_i = beat.data;
      block->s_axi_wstrb_i = beat.strobes;
      block->s_axi_wdatachk_i = beat.parity;
      block->s_axi_wlast_i = beat.last;
    }
    block->s_axi_rready_i = dice.chance(rates.r);
    block->s_axi_bready_i = dice.chance(rates.b);
  }

  void collect() {
    ar_taken_ = block->s_axi_arvalid_i && block->s_axi_arready_o;
    aw_taken_ = block->s_axi_awvalid_i && block->s_axi_awready_o;
    w_taken_ = block->s_axi_wvalid_i && block->s_axi_wready_o;
    if (block->s_axi_rvalid_o && block->s_axi_rready_i) take_beat();
    if (block->s_axi_bvalid_o && block->s_axi_bready_i) take_answer();
    if (ar_taken_) {
      reading_.push_back(reads_.front());
      reads_.pop_front();
    }
    if (w_taken_) {
      beats_.pop_front();
      ++taken_beats_;
    }
    if (aw_taken_) {
      answers_.push_back(upcoming_.front());
      upcoming_.pop_front();
      writes_.pop_front();
    }
  }

  void queue_data(const AxiAccess& access) {
    queued_beats_ += access.beats;
    Answer answer{access.address, access.beats, outside(access.address) ? 3u : 0u, queued_beats_};
    for (uint32_t i = 0; i < access.beats; ++i) {
      const uint64_t address = access.address + 8 * i;
      const uint8_t wrong = access.bad_parity.empty() ? 0 : access.bad_parity[i];
      const uint8_t strobes = access.strobes[i];
      const bool last = access.early_last ? i == 0 : i + 1 == access.beats;
      beats_.push_back({access.data[i], strobes,
                        static_cast<uint8_t>(sim::odd_parity(access.data[i]) ^ wrong), last});
      const bool failed = (wrong & strobes) != 0;
      if ((failed || last != (i + 1 == access.beats)) && answer.response == 0) answer.response = 2;
      if (failed || outside(address)) continue;
      uint64_t mask = 0;
      for (uint32_t k = 0; k < 8; ++k) mask |= (strobes >> k & 1) ? uint64_t{0xff} << (8 * k) : 0;
      uint64_t& place = expected_[address / 8];
      place = (place & ~mask) | (access.data[i] & mask);
    }
    upcoming_.push_back(answer);
  }

  void take_beat() {
    ASSERT_FALSE(reading_.empty()) << "a beat that nobody asked for";
    AxiAccess& access = reading_.front();
    const bool is_outside = outside(access.address);
    const uint64_t want = is_outside ? 0 : expected_[access.address / 8];
    ASSERT_EQ(block->s_axi_rdata_o, want) << "at byte " << access.address << "\n" << messages();
    ASSERT_EQ(block->s_axi_rdatachk_o, sim::odd_parity(want));
    ASSERT_EQ(block->s_axi_rresp_o, is_outside ? 3 : 0);
    ASSERT_EQ(block->s_axi_rlast_o, access.beats == 1);
    access.address += 8;
    ++read_beats;
    if (--access.beats == 0) {
      reading_.pop_front();
      ++read_bursts;
    }
  }

  void take_answer() {
    ASSERT_FALSE(answers_.empty()) << "a response to no write";
    ASSERT_LE(answers_.front().end, taken_beats_) << "a response before the data";
    ASSERT_EQ(block->s_axi_bresp_o, answers_.front().response);
    if (keep_responses) responses.push_back(block->s_axi_bresp_o);
    answers_.pop_front();
    ++written_bursts;
  }

  std::vector<uint64_t> expected_;
  std::deque<AxiAccess> reads_, writes_;  ///< Not yet taken.
  std::deque<AxiAccess> reading_;
  std::deque<Answer> upcoming_;  ///< Of writes_.
  std::deque<Answer> answers_;
  std::deque<Beat> beats_;
  uint64_t queued_beats_ = 0, taken_beats_ = 0;
  uint16_t late_dq_ = 0;
  bool ar_taken_ = false, aw_taken_ = false, w_taken_ = false;
};

}  // namespace tern::test
