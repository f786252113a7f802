// SPDX-License-Identifier: Apache-2.0
#include "estimate.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "dram/presets.hpp"
#include "io/error.hpp"
#include "spec/numerics/layout.hpp"
#include "tlm/command_timing.hpp"
#include "tlm/dram_timing.hpp"
#include "tlm/timing_run.hpp"
#include "tlm/tlm_chip.hpp"

namespace tern::estimate {

namespace {

bool is_stream(const spec::CommandWords& words) {
  const spec::ChipOpcode opcode = opcode_of(words);
  return opcode == spec::ChipOpcode::kLoad || opcode == spec::ChipOpcode::kMatmul;
}

Operation operation_of(spec::Part part) {
  switch (part) {
    case spec::Part::kAttnQ:
    case spec::Part::kAttnK:
    case spec::Part::kAttnV:
      return Operation::kQkv;
    case spec::Part::kAttnOutput:
      return Operation::kOutput;
    case spec::Part::kFfnGate:
    case spec::Part::kFfnUp:
      return Operation::kGateUp;
    case spec::Part::kFfnDown:
      break;
  }
  return Operation::kDown;
}

}  // namespace

Memory load_memory(std::string_view name) {
  Memory memory{dram::find_preset(name), {}};
  memory.figures = dram::characterise(memory.config);
  return memory;
}

energy::Dram dram_energy_of(const dram::Config& memory) {
  const std::string name =
      memory.energy.empty() ? memory.name.substr(0, memory.name.find('-')) : memory.energy;
  const std::vector<std::string> known = energy::dram_names();
  if (std::ranges::find(known, name) == known.end())
    throw Error(
        "memory {}: there are no energies of {}; add a line `energy: NAME` to its preset, with one "
        "of {}",
        quote(memory.name), quote(name), fmt::join(known, ", "));
  return energy::load_dram(name);
}

double default_clock_mhz(const dram::Config& memory, uint32_t columns) {
  return memory.peak_gb_per_second() * 1e3 / columns;
}

std::string_view name_of(Operation operation) {
  constexpr std::string_view kNames[kOperations] = {
      "embedding",   "q, k, v", "q.K",  "softmax and p.V", "output projection",
      "gate and up", "down",    "head", "sampling"};
  return kNames[static_cast<std::size_t>(operation)];
}

/// The simulated chip and its firmware.
struct Estimator::Run {
  Run(const tlm::PerfConfig& config, const Memory& memory, double mhz, const io::Skeleton& model)
      : chip(config,
             [timing = tlm::timing_of(memory.config, memory.figures, mhz, config.chip.columns)] {
               return std::make_unique<tlm::StatisticalMemory>(timing);
             }),
        timing(chip, model) {
    timing.on_interval([this] {
      activity[0] = activity[1];
      activity[1] = chip.activity();
    });
  }
  tlm::TlmChip chip;
  tlm::TimingRun timing;
  std::array<tlm::Activity, 2> activity;  ///< When what was counted last began and ended.
};

Estimator::Estimator(io::Skeleton model, const tlm::PerfConfig& chip, Memory memory,
                     double chip_mhz, const energy::Technology& technology,
                     const energy::Dram& dram_energy)
    : model_(std::move(model)),
      chip_(chip),
      memory_(std::move(memory)),
      chip_mhz_(chip_mhz),
      technology_(technology),
      dram_energy_(dram_energy),
      run_(std::make_unique<Run>(chip_, memory_, chip_mhz_, model_)) {
  const spec::ModelDescriptor& m = model_.model;
  const auto add = [&](uint64_t begin, uint64_t bytes, Operation operation, uint32_t layer) {
    ranges_.push_back({begin, begin + bytes, operation, layer});
  };
  const auto matrix = [&](const spec::MatrixDescriptor& d, Operation operation, uint32_t layer) {
    add(d.offset, uint64_t{d.beats} * chip_.chip.columns, operation, layer);
  };
  for (uint32_t i = 0; i < model_.layers.size(); ++i) {
    const spec::LayerDescriptor& l = model_.layers[i];
    for (const spec::Part part : spec::kEveryPart) matrix(l.matrix[part], operation_of(part), i);
    add(l.k_cache, m.kv_heads * m.key_cache_bytes, Operation::kScores, i);
    add(l.v_cache, m.kv_heads * m.value_cache_bytes, Operation::kMix, i);
    add(l.k_scales, m.kv_heads * m.kv_scale_bytes, Operation::kScores, i);
    add(l.v_scales, m.kv_heads * m.kv_scale_bytes, Operation::kMix, i);
  }
  const auto layers = static_cast<uint32_t>(model_.layers.size());
  matrix(m.head, Operation::kHead, layers);
  add(m.head_row_scales, 4 * uint64_t{m.vocab}, Operation::kHead, layers);
  std::ranges::sort(ranges_, {}, &Range::begin);
  run_->chip.observe([this](const tlm::Executed& e) {
    records_.push_back({e.words, e.begin, e.end, e.activity});
  });
}

Estimator::~Estimator() = default;

uint32_t Estimator::group() const { return run_->timing.group(); }

Token Estimator::decode(uint32_t context) {
  records_.clear();
  return finish(context, 1, run_->timing.decode(context, 1));
}

Token Estimator::prefill(uint32_t position, uint32_t tokens) {
  records_.clear();
  return finish(position, tokens, run_->timing.prefill(position, tokens));
}

const Estimator::Range* Estimator::range_of(const Record& record) const {
  if (!is_stream(record.words)) return nullptr;
  const uint64_t unit = record.words.w[spec::fields::matmul::kReadAddr.word];
  const uint64_t address = unit * spec::kAddrUnit;
  auto at = std::ranges::upper_bound(ranges_, address, {}, &Range::begin);
  if (at == ranges_.begin()) return nullptr;
  --at;
  return address < at->end ? &*at : nullptr;
}

Token Estimator::finish(uint32_t context, uint32_t tokens, const Counters& counters) {
  begin_ = run_->timing.counted().begin;
  end_ = run_->timing.counted().end;
  std::erase_if(records_, [&](const Record& r) { return r.end <= begin_ || r.begin >= end_; });
  Token token;
  token.context = context;
  token.tokens = tokens;
  token.counters = counters;
  token.controller = of_controller(run_->activity[1] - run_->activity[0]);
  token.cycles = static_cast<double>(tlm::work_cycles(counters)) / tokens;
  token.seconds = token.cycles / chip_mhz_ * 1e-6;
  attribute(token);
  add_up(token);
  return token;
}

/// Every cycle that was counted, and every command, to one operation: the matrices and loads by
/// where they read, the rest by when it ended. A command belongs to the interval that it ends in,
/// so that of tokens one after the other each has its own.
void Estimator::attribute(Token& token) const {
  const auto index = [](Operation o) { return static_cast<std::size_t>(o); };

  std::vector<const Record*> matrices;
  for (const Record& r : records_)
    if (opcode_of(r.words) == spec::ChipOpcode::kMatmul) matrices.push_back(&r);
  std::ranges::sort(matrices, {}, &Record::end);
  std::vector<std::pair<uint64_t, Operation>> ends;
  uint64_t at = begin_;
  for (const Record* r : matrices) {
    const Range* range = range_of(*r);
    if (!range) continue;
    const uint64_t end = std::clamp(r->end, at, end_);
    token.operations[index(range->operation)].cycles += end - at;
    ends.emplace_back(end, range->operation);
    at = end;
  }
  token.operations[index(Operation::kSampling)].cycles += end_ - at;
  const auto during = [&](uint64_t cycle) {
    const auto found =
        std::ranges::lower_bound(ends, cycle, {}, &decltype(ends)::value_type::first);
    return found == ends.end() ? Operation::kSampling : found->second;
  };

  for (const Record& r : records_) {
    if (r.end > end_) continue;
    const Range* range = range_of(r);
    const bool stream = is_stream(r.words);
    const Operation operation = range    ? range->operation
                                : stream ? Operation::kEmbedding
                                         : during(r.end);
    token.operations[index(operation)].activity += r.activity;
  }
}

double Estimator::trit_macs(const Token& token) const {
  double rows = 0;  // of single activation columns
  for (std::size_t layout = 0; layout < spec::kLayoutCount; ++layout) {
    const auto& steps = token.activity.matrix_beats[layout];
    const bool signs = static_cast<spec::Layout>(layout) == spec::Layout::kSign;
    for (std::size_t columns = 0; columns < steps.size(); ++columns)
      rows += static_cast<double>(steps[columns]) * static_cast<double>(columns) *
              (signs ? chip_.chip.trees : spec::kTritsPerByte);
  }
  return rows * chip_.chip.columns / token.tokens;
}

double Estimator::array_use(const Token& token) const {
  double steps = 0;
  for (const auto& layout : token.activity.matrix_beats)
    steps += static_cast<double>(std::accumulate(layout.begin(), layout.end(), uint64_t{0}));
  return trit_macs(token) * token.tokens / (steps * chip_.chip.columns * spec::kTritsPerByte);
}

std::vector<Busy> Estimator::timeline(uint64_t from, uint64_t to) const {
  std::vector<Busy> out;
  for (const Record& r : records_) {
    const uint64_t begin = std::max(r.begin, begin_ + from);
    const uint64_t end = std::min(r.end, begin_ + to);
    if (begin >= end) continue;
    Busy busy{0, begin - begin_, end - begin_, {}};
    switch (opcode_of(r.words)) {
      case spec::ChipOpcode::kLoad:
        busy.label = "load";
        break;
      case spec::ChipOpcode::kMatmul:
        busy.label = "matrix";
        break;
      case spec::ChipOpcode::kVector:
        busy.unit = 1;
        busy.label =
            spec::name_of(static_cast<spec::VectorOp>(spec::VectorCommand::unpack(r.words).op));
        break;
      case spec::ChipOpcode::kScalar:
        busy.unit = 1;
        busy.label =
            spec::name_of(static_cast<spec::ScalarOp>(spec::ScalarCommand::unpack(r.words).op));
        break;
      case spec::ChipOpcode::kStore:
        busy.unit = 2;
        busy.label = "store";
        break;
    }
    if (const Range* range = range_of(r))
      busy.label += std::string(": ") + std::string(name_of(range->operation));
    out.push_back(std::move(busy));
  }
  std::ranges::sort(out, {}, [](const Busy& b) { return std::pair(b.unit, b.begin); });
  return out;
}

std::vector<uint64_t> Estimator::layer_begins() const {
  std::vector<uint64_t> out(model_.layers.size() + 1, end_ - begin_);
  for (const Record& r : records_) {
    const Range* range = range_of(r);
    if (!range || opcode_of(r.words) != spec::ChipOpcode::kMatmul) continue;
    out[range->layer] = std::min(out[range->layer], std::max(r.begin, begin_) - begin_);
  }
  return out;
}

Token Estimator::batch(const Token& one, uint32_t sequences) const {
  if (sequences <= 1) return one;
  Token token = one;
  const uint32_t passes = spec::ceil_div(sequences, chip_.chip.act_columns);
  const double part = static_cast<double>(passes) / sequences;
  const auto reduce = [&](uint64_t& count) {
    const auto less = static_cast<uint64_t>(static_cast<double>(count) * part);
    return std::exchange(count, less) - less;
  };
  // What a beat takes at the memory's pace is saved with it.
  const double pace =
      std::max(1.0, static_cast<double>(one.counters.beats + one.counters.stall_read) /
                        static_cast<double>(std::max<uint64_t>(one.counters.beats, 1)));
  uint64_t read = one.activity.memory_read_bytes;
  for (const Operation o : {Operation::kQkv, Operation::kOutput, Operation::kGateUp,
                            Operation::kDown, Operation::kHead}) {
    Share& share = token.operations[static_cast<std::size_t>(o)];
    uint64_t beats = share.beats();
    const double saved =
        std::min(static_cast<double>(share.cycles), pace * static_cast<double>(reduce(beats)));
    share.cycles -= static_cast<uint64_t>(saved);
    token.cycles -= saved / token.tokens;
    // Fewer beats, each with more columns.
    for (auto& steps : share.activity.matrix_beats) {
      uint64_t sum = std::accumulate(steps.begin(), steps.end(), uint64_t{0});
      reduce(sum);
      steps.fill(0);
      steps[std::min(sequences, chip_.chip.act_columns)] = sum;
    }
    read -= reduce(share.activity.memory_read_bytes);
    for (const auto count : {&tlm::Activity::memory_read_bursts, &tlm::Activity::fifo_beats,
                             &tlm::Activity::scale_beats, &tlm::Activity::load_beats})
      reduce(share.activity.*count);
  }
  // Not faster than the memory moves what is left.
  const double bytes = static_cast<double>(read) / token.tokens;
  const double bytes_per_cycle =
      memory_.figures.sequential * memory_.config.peak_gb_per_second() * 1e3 / chip_mhz_;
  token.cycles = std::max(token.cycles, bytes / bytes_per_cycle);
  token.seconds = token.cycles / chip_mhz_ * 1e-6;
  add_up(token);
  return token;
}

}  // namespace tern::estimate
