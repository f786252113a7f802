#pragma once

#include <verilated.h>

#include <array>
#include <cstdint>
#include <deque>
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

/// What left the engine at its result port.
struct Result {
  uint64_t addr = 0;
  std::vector<int32_t> words;
  bool last = false;

  bool operator==(const Result&) const = default;
};

/// Drives a verilated matrix_engine: feeds queued commands and beats, collects results. Each cycle
/// a beat is offered with `beat_rate` and a result taken with `result_rate` (probabilities).
template <class Model>
class EngineBench {
 public:
  EngineBench(size_t columns, size_t act_columns)
      : columns_(columns), words_(5 * act_columns), model_(std::make_unique<Model>(&context_)) {
    reset();
  }
  ~EngineBench() { model_->final(); }

  void reset() {
    model_->rst_ni = 0;
    model_->cmd_valid_i = 0;
    model_->beat_valid_i = 0;
    model_->result_ready_i = 0;
    for (int i = 0; i < 3; ++i) clock();
    model_->rst_ni = 1;
    commands.clear();
    beats.clear();
    results.clear();
    beat_offered_ = false;
    clock();
  }

  /// Runs until everything queued has been taken and the engine is idle. Throws after `max_cycles`.
  void run(uint64_t max_cycles = 1'000'000) {
    for (uint64_t end = cycles + max_cycles; cycles < end;) {
      step();
      if (commands.empty() && beats.empty() && !model_->busy_o && !model_->result_valid_o) return;
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
    m.result_ready_i = chance(result_rate);
    m.eval();

    if (m.cmd_valid_i && m.cmd_ready_o) commands.pop_front();
    if (m.beat_valid_i && m.beat_ready_o) {
      beats.pop_front();
      beat_offered_ = false;
      beat_changed_ = true;
    }
    if (m.result_valid_o && m.result_ready_i) {
      Result& result = results.emplace_back();
      result.addr = m.result_addr_o;
      result.last = m.result_last_o;
      for (size_t i = 0; i < words_; ++i) {
        result.words.push_back(static_cast<int32_t>(get_word(m.result_data_o, i)));
      }
    }
    matmul_beats += m.beats_o;
    load_beats += m.load_beats_o;
    loads_done += m.load_done_o;
    stalled_read += m.stall_read_o;
    stalled_drain += m.stall_drain_o;
    illegal += m.illegal_o;
    clock();
  }

  Model& model() { return *model_; }

  double beat_rate = 1.0;
  double result_rate = 1.0;
  std::mt19937_64 random{1};
  std::deque<Command> commands;
  std::deque<Beat> beats;
  std::vector<Result> results;
  uint64_t cycles = 0, matmul_beats = 0, load_beats = 0, loads_done = 0;
  uint64_t stalled_read = 0, stalled_drain = 0, illegal = 0;

 private:
  bool chance(double probability) {
    return probability >= 1.0 || std::uniform_real_distribution<>()(random) < probability;
  }

  void clock() {
    model_->clk_i = 0;
    model_->eval();
    model_->clk_i = 1;
    model_->eval();
    model_->clk_i = 0;
    ++cycles;
  }

  size_t columns_, words_;
  VerilatedContext context_;
  std::unique_ptr<Model> model_;
  bool beat_offered_ = false;
  bool beat_changed_ = true;
};

}  // namespace tern::test
