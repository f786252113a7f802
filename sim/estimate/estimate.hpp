// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dram/characterise.hpp"
#include "dram/config.hpp"
#include "energy/model.hpp"
#include "io/skeleton.hpp"
#include "tern/device.hpp"
#include "tlm/activity.hpp"
#include "tlm/perf_config.hpp"

/// What a token costs: the performance model's cycles, the DRAM's figures and the energy model put
/// together. What users of `tern report` and `tern sweep` get.
namespace tern::estimate {

/// A memory with its figures, which take a moment to measure.
struct Memory {
  dram::Config config;
  dram::Characteristics figures;
};
/// A preset or FILE.yaml. Throws tern::Error as dram::load_preset() does.
Memory load_memory(std::string_view name);

/// Energies of a memory: those that its preset names, or else of what stands before the '-' of its
/// own name. Throws tern::Error that says how a preset names them.
energy::Dram dram_energy_of(const dram::Config& memory);

/// Chip clock in MHz at which a beat a cycle is the memory's peak; the RTL on a DRAM has the same
/// default.
double default_clock_mhz(const dram::Config& memory, uint32_t columns);

/// Parts of a token in the order in which they run.
enum class Operation : uint8_t {
  kEmbedding,
  kQkv,
  kScores,
  kMix,
  kOutput,
  kGateUp,
  kDown,
  kHead,
  kSampling
};
inline constexpr std::size_t kOperations = 9;
std::string_view name_of(Operation operation);

/// What an operation takes. Cycles from the end of the matrix before to the end of its own belong
/// to it, with the vector work between them; those after the last matrix to sampling.
struct Share {
  uint64_t cycles = 0;
  tlm::Activity activity{};  ///< Of its commands.
  double joules = 0;         ///< Of one token: what its commands move and compute.

  /// Beats that its matrices are read in.
  uint64_t beats() const { return activity.fifo_beats - activity.load_beats; }
};

/// A unit at work, for a timeline.
struct Busy {
  uint32_t unit;  ///< 0 stream and matrix engine, 1 vector unit, 2 store unit.
  uint64_t begin, end;
  std::string label;
};

/// One decoded token, or one of a prompt. Of all that was counted every part belongs to an
/// operation or to none, so activity and energy are the sums of these parts.
struct Token {
  uint32_t context = 0;  ///< Positions before it.
  double cycles = 0;
  double seconds = 0;
  Counters counters{};       ///< Of all tokens that were timed.
  tlm::Activity activity{};  ///< The same.
  uint32_t tokens = 1;
  std::array<Share, kOperations> operations{};
  tlm::Activity controller{};  ///< Of all tokens that were timed: what belongs to no command.
  /// Of one token, and of no operation: controller, leakage, refresh and standby.
  double other_joules = 0;
  energy::Report energy;  ///< Of one token.
};

class Estimator {
 public:
  /// Throws tern::Error when the chip cannot run the model.
  Estimator(io::Skeleton model, const tlm::PerfConfig& chip, Memory memory, double chip_mhz,
            const energy::Technology& technology, const energy::Dram& dram_energy);
  ~Estimator();

  /// A token after `context` others, with head and greedy choice.
  Token decode(uint32_t context);
  /// `tokens` prompt tokens from `position` on, as large a group as the chip takes, without head.
  Token prefill(uint32_t position, uint32_t tokens);
  /// `sequences` that are decoded side by side at the same context, each with its own cache:
  /// projected from decode(), since the firmware runs one. The streams of weights are shared by as
  /// many sequences as there are activation columns; all else is done for each. Per token.
  Token batch(const Token& one, uint32_t sequences) const;

  /// Events of all tokens that were timed: those of the operations and those of none.
  energy::Counts counts(const Token& token) const;

  /// What the units did in cycles [from, to) of the last token, counted from its begin.
  std::vector<Busy> timeline(uint64_t from, uint64_t to) const;
  /// Cycles of the last token at which the matrices of a layer begin; then the head's.
  std::vector<uint64_t> layer_begins() const;

  uint32_t group() const;
  /// Multiply-accumulates of a token by trits or signs: five for each byte of a beat and activation
  /// column, of signs as many as there are trees.
  double trit_macs(const Token& token) const;
  /// The same in a cycle in which the array works, in those of one activation column of five trees.
  double array_use(const Token& token) const;

  const io::Skeleton& model() const { return model_; }
  const tlm::PerfConfig& chip() const { return chip_; }
  const Memory& memory() const { return memory_; }
  double chip_mhz() const { return chip_mhz_; }

 private:
  struct Run;
  /// A place in memory and what reading it belongs to.
  struct Range {
    uint64_t begin, end;
    Operation operation;
    uint32_t layer;
  };
  /// A command of the token that was timed last.
  struct Record {
    spec::CommandWords words;
    uint64_t begin, end;
    tlm::Activity activity;
  };
  const Range* range_of(const Record& record) const;
  Token finish(uint32_t context, uint32_t tokens, const Counters& counters);
  void attribute(Token& token) const;
  /// Events of an activity, and of time that passes in so many cycles.
  energy::Counts counts_of(const tlm::Activity& activity, double cycles) const;
  /// Fills in what is a sum over operations and controller: activity and energy.
  void add_up(Token& token) const;

  io::Skeleton model_;
  tlm::PerfConfig chip_;
  Memory memory_;
  double chip_mhz_;
  const energy::Technology& technology_;
  const energy::Dram& dram_energy_;
  std::vector<Range> ranges_;  ///< By address.
  std::unique_ptr<Run> run_;
  std::vector<Record> records_;
  uint64_t begin_ = 0, end_ = 0;  ///< Cycles that were counted.
};

}  // namespace tern::estimate
