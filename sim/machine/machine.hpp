// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ordering.hpp"
#include "spec/generated/spec.hpp"

namespace tern::sim {

struct MachineOptions {
  bool check_ordering = true;  ///< Find commands that lack waits.
  uint64_t seed = 1;           ///< Of the order in which commands are seen to be done.
  uint64_t memory_base = 0;    ///< Address of the first byte of memory.
};

/// The units behind the controller and the memory that they share, untimed: commands take effect at
/// once, in the order of issue, by the contract headers. Everything that the contract does not
/// allow throws tern::Error that names the command and the field: sizes and ranges, reserved bits,
/// places outside of the buffers or of memory, values that leave an operator's domain, reading what
/// was never written, waits that are never fulfilled or missing (see Ordering).
///
/// Illegal T5 codes and lost mail are no exceptions but bits of Error, as on the chip.
class Machine {
 public:
  explicit Machine(const spec::ChipConfig& config, const MachineOptions& options = {});

  /// The controller's side: words of the map in spec::mmio. Throws where there is nothing.
  uint32_t read(uint32_t offset);
  void write(uint32_t offset, uint32_t value);

  /// The controller's data memory, from which tapes are played; none at first.
  void set_tape_memory(std::span<const uint32_t> words) { tape_memory_ = words; }

  /// The host's side of the mailbox. A word that finds no room is lost and sets the error bit.
  void push_mail(uint32_t word);
  uint32_t mail_words() const { return static_cast<uint32_t>(to_host_.size()); }
  uint32_t mail_room() const { return spec::kMailDepth - static_cast<uint32_t>(to_chip_.size()); }
  /// Oldest word from the controller; 0 if there is none.
  uint32_t mail() const { return to_host_.empty() ? 0 : to_host_.front(); }
  void pop_mail();

  /// Memory up to the address `end`. New bytes are 0xff, which is illegal as T5.
  void reserve_memory(uint64_t end);
  void write_memory(uint64_t address, std::span<const std::byte> data);
  void read_memory(uint64_t address, std::span<std::byte> data) const;
  /// From memory_base on, without any check.
  std::span<std::byte> memory() { return memory_; }

  /// Bits of the ERROR register.
  uint32_t error() const { return error_; }
  void set_error(uint32_t bits) { error_ |= bits; }
  void clear_error(uint32_t bits) { error_ &= ~bits; }
  bool working() const { return working_; }

  /// Drops mail, counts and errors; buffers keep their values, but count as never written.
  void soft_reset();

  /// What the Cycles register counts; each access of the controller adds one.
  void tick(uint64_t cycles) { cycles_ += cycles; }
  uint64_t cycles() const { return cycles_; }

  struct Counts {
    uint64_t beats = 0, load_beats = 0, store_beats = 0, illegal = 0, saturations = 0;
  };
  const Counts& counts() const { return counts_; }
  const UnitCounts& issued() const { return ordering_.issued(); }

  /// CONFIG, CONFIG2 and CONFIG3 of the host's side.
  uint32_t config_word(int index) const;

  // For tests.
  int32_t scratch(uint32_t word) const { return scratch_.at(word); }
  uint64_t scalar(uint32_t index) const { return scalars_.at(index); }
  int8_t activation(uint32_t column, uint32_t tile, uint32_t byte) const {
    return activations_.at(act_index(column, tile) + byte);
  }

 private:
  struct Candidate {
    int32_t value;
    uint32_t number;
  };
  /// A range of the scratchpad that a vector command takes as one operand.
  struct Rows {
    const char* name;
    uint32_t first, stride, n;
    uint32_t at(uint32_t row, uint32_t i) const { return first + row * stride + i; }
  };
  struct Reduction;

  void issue();
  void play(uint32_t tape);
  void begin(spec::Unit unit, const char* what, const spec::CommandWords& words);
  void load(const spec::LoadCommand& c);
  struct Stream;
  void matmul(const spec::MatmulCommand& c);
  void check_matmul(const spec::MatmulCommand& c, const Stream& s) const;
  void write_results(const spec::MatmulCommand& c, uint32_t m, std::span<const int32_t> sums);
  const uint8_t* next_beat(Stream& s, uint32_t live);
  void read_scales(Stream& s, std::span<uint32_t> scales);
  void note_illegal(std::span<const uint8_t> codes);
  void store(const spec::StoreCommand& c);
  void vector(const spec::VectorCommand& c);
  void scalar(const spec::ScalarCommand& c);

  void clear_top_k(const spec::ScalarCommand& c);
  void check_scalar(const spec::ScalarCommand& c) const;
  void check_vector(const spec::VectorCommand& c) const;
  void check_overlap(const spec::VectorCommand& c, const Rows& dst, const Rows& operand) const;
  struct RowOperands;
  RowOperands row_operands(const spec::VectorCommand& c, uint32_t row);
  void compute_row(const spec::VectorCommand& c, const RowOperands& o, std::vector<int32_t>& y,
                   Reduction& reduction);
  void vector_row(const spec::VectorCommand& c, uint32_t row, std::vector<int32_t>& y,
                  Reduction& reduction);
  void write_vector(const spec::VectorCommand& c, uint32_t row, std::span<const int32_t> y);
  void add_candidate(int32_t value);

  [[noreturn]] void refuse(const char* field, uint64_t value, const std::string& why) const;
  void check(bool good, const char* field, uint64_t value, const char* why) const;
  void check_scratch(const char* field, uint64_t first, uint64_t words) const;
  void check_memory(const char* field, uint64_t first, uint64_t bytes) const;
  bool has_memory(uint64_t first, uint64_t bytes) const;
  std::byte* memory_at(uint64_t address) { return memory_.data() + (address - memory_base_); }
  int32_t read_word(const char* what, uint32_t word);
  void write_word(const char* what, uint32_t word, int32_t value);
  uint64_t read_scalar(const char* what, uint32_t index);
  void write_scalar(const char* what, uint32_t index, uint64_t value);
  std::size_t act_index(uint32_t column, uint32_t tile) const {
    return (std::size_t{tile} * config_.act_columns + column) * config_.columns;
  }
  uint32_t read_top_list(uint32_t offset) const;

  spec::ChipConfig config_;
  Ordering ordering_;
  uint64_t memory_base_;
  std::vector<std::byte> memory_;
  std::vector<int32_t> scratch_;
  std::vector<Place> scratch_places_;
  std::vector<int8_t> activations_;  ///< [act_depth][M][C]
  std::vector<Place> act_places_;    ///< [act_depth][M]
  std::array<uint64_t, spec::kScalarRegs> scalars_{};
  std::array<Place, spec::kScalarRegs> scalar_places_{};
  std::vector<Candidate> top_;
  uint32_t top_limit_ = 0;  ///< 0 before the first TopKClear.
  uint32_t top_next_ = 0;
  Place top_place_;

  spec::CommandWords command_{};
  std::span<const uint32_t> tape_memory_;
  uint32_t tape_waits_ = 0;
  std::deque<uint32_t> to_chip_, to_host_;
  uint32_t error_ = 0;
  bool working_ = false;
  uint64_t cycles_ = 0;
  Counts counts_;
};

}  // namespace tern::sim
