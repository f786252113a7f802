// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <verilated.h>

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "bits.hpp"

namespace tern::test {

/// A command as its eight words.
using Command = std::array<uint32_t, 8>;

/// A beat of the stream: C bytes, and whether it ends its command's segment.
struct Beat {
  std::vector<uint8_t> bytes;
  bool last = false;
};

/// What a command writes: words of the scratchpad, scalar registers.
struct Effect {
  std::map<uint32_t, int32_t> words;
  std::vector<std::pair<uint32_t, uint64_t>> scalars;

  bool operator==(const Effect&) const = default;
};

/// Drives a verilated matrix_engine: feeds queued commands and beats, collects what it writes until
/// each done pulse. Each cycle a beat is offered and a write taken with the probabilities given.
template <class Model>
class EngineBench {
 public:
  EngineBench(size_t columns, size_t lanes)
      : columns_(columns), lanes_(lanes), model_(std::make_unique<Model>(&context_)) {
    reset();
  }
  ~EngineBench() { model_->final(); }

  void reset() {
    model_->rst_ni = 0;
    model_->cmd_valid_i = 0;
    model_->beat_valid_i = 0;
    model_->act_valid_i = 0;
    model_->res_wr_ready_i = 0;
    model_->load_wr_ready_i = 0;
    model_->max_ready_i = 0;
    for (int i = 0; i < 3; ++i) clock();
    model_->rst_ni = 1;
    commands.clear();
    beats.clear();
    matmuls.clear();
    loads.clear();
    matmul_ = load_ = {};
    beat_offered_ = false;
    beat_changed_ = true;
    clock();
  }

  /// Writes one byte group of the activation buffer, through the port and in one cycle.
  void write_activations(uint32_t column, uint32_t tile, uint32_t offset, uint32_t mask,
                         const int8_t* bytes) {
    Model& m = *model_;
    m.act_valid_i = 1;
    m.act_column_i = column;
    m.act_tile_i = tile;
    m.act_offset_i = offset;
    m.act_mask_i = mask;
    for (size_t w = 0; w < lanes_ / 4; ++w) {
      uint32_t word = 0;
      for (size_t k = 0; k < 4; ++k) {
        word |= uint32_t{static_cast<uint8_t>(bytes[4 * w + k])} << (8 * k);
      }
      set_word(m.act_data_i, w, word);
    }
    step();
    m.act_valid_i = 0;
  }

  /// Runs until everything queued has been taken and the engine is idle. Throws after `max_cycles`.
  void run(uint64_t max_cycles = 1'000'000) {
    for (uint64_t end = cycles + max_cycles; cycles < end;) {
      step();
      if (commands.empty() && beats.empty() && !model_->busy_o) return;
    }
    throw std::runtime_error("matrix_engine: not idle after the given number of cycles");
  }

  /// One cycle.
  void step() {
    Model& m = *model_;
    m.cmd_valid_i = !commands.empty();
    if (m.cmd_valid_i) {
      for (size_t i = 0; i < 8; ++i) set_word(m.cmd_i, i, commands.front()[i]);
    }
    // A beat that has been offered stays until it is taken.
    beat_offered_ = !beats.empty() && (beat_offered_ || chance(beat_rate));
    m.beat_valid_i = beat_offered_;
    if (beat_offered_ && beat_changed_) {
      const Beat& beat = beats.front();
      for (size_t i = 0; i < columns_ / 4; ++i) {
        uint32_t word = 0;
        for (size_t k = 0; k < 4; ++k) word |= uint32_t{beat.bytes[4 * i + k]} << (8 * k);
        set_word(m.beat_data_i, i, word);
      }
      m.beat_last_i = beat.last;
      beat_changed_ = false;
    }
    m.res_wr_ready_i = chance(result_rate);
    m.load_wr_ready_i = chance(load_rate);
    m.max_ready_i = chance(max_rate);
    m.eval();

    if (m.cmd_valid_i && m.cmd_ready_o) commands.pop_front();
    if (m.beat_valid_i && m.beat_ready_o) {
      beats.pop_front();
      beat_offered_ = false;
      beat_changed_ = true;
    }
    // Before the writes: a done pulse speaks of earlier cycles only.
    if (m.matmul_done_o) matmuls.push_back(std::exchange(matmul_, {}));
    if (m.load_done_o) loads.push_back(std::exchange(load_, {}));
    if (m.res_wr_valid_o && m.res_wr_ready_i) {
      collect(matmul_, m.res_wr_addr_o, m.res_wr_mask_o, m.res_wr_data_o);
    }
    if (m.load_wr_valid_o && m.load_wr_ready_i) {
      collect(load_, m.load_wr_addr_o, m.load_wr_mask_o, m.load_wr_data_o);
    }
    if (m.max_valid_o && m.max_ready_i) {
      matmul_.scalars.emplace_back(m.max_index_o, m.max_data_o);
    }
    matmul_beats += m.beats_o;
    load_beats += m.load_beats_o;
    stalled_read += m.stall_read_o;
    stalled_drain += m.stall_drain_o;
    illegal += m.illegal_o;
    clock();
  }

  Model& model() { return *model_; }
  /// What has been written and not been reported done.
  bool nothing_unreported() const { return matmul_ == Effect{} && load_ == Effect{}; }

  double beat_rate = 1.0, result_rate = 1.0, load_rate = 1.0, max_rate = 1.0;
  std::mt19937_64 random{1};
  std::deque<Command> commands;
  std::deque<Beat> beats;
  std::vector<Effect> matmuls, loads;  // in the order in which they were reported done
  uint64_t cycles = 0, matmul_beats = 0, load_beats = 0;
  uint64_t stalled_read = 0, stalled_drain = 0, illegal = 0;

 private:
  bool chance(double probability) {
    return probability >= 1.0 || std::uniform_real_distribution<>()(random) < probability;
  }

  template <class Data>
  void collect(Effect& effect, uint32_t addr, uint32_t mask, const Data& data) {
    for (uint32_t i = 0; i < lanes_; ++i) {
      if (!(mask >> i & 1)) continue;
      const uint32_t word = (addr + i) & 0xfffff;
      if (!effect.words.emplace(word, static_cast<int32_t>(get_word(data, i))).second) {
        throw std::runtime_error("matrix_engine: a word is written twice by one command");
      }
    }
  }

  void clock() {
    model_->clk_i = 0;
    model_->eval();
    model_->clk_i = 1;
    model_->eval();
    model_->clk_i = 0;
    ++cycles;
  }

  size_t columns_, lanes_;
  VerilatedContext context_;
  std::unique_ptr<Model> model_;
  Effect matmul_, load_;
  bool beat_offered_ = false;
  bool beat_changed_ = true;
};

}  // namespace tern::test
