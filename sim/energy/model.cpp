// SPDX-License-Identifier: Apache-2.0
#include "model.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tern::energy {
namespace {

constexpr double kPico = 1e-12;
constexpr double kTileColumns = 16;  ///< Of the tiles that were measured.
constexpr double kWordBytes = 4;
constexpr double kBankEntries = 52;  ///< Of the bank that was measured.

/// Adds terms to a report.
class Ledger {
 public:
  Ledger(Report& report, Tag counts) : report_(report), counts_(counts) {}

  void add(Unit unit, std::string name, double count, Figure each, double scale = 1) {
    if (count == 0) return;
    report_.terms.push_back({unit, std::move(name), count * each.value * scale,
                             combine(each.tag, counts_),
                             fmt::format("{:.4g} x {:.4g} {} ({})", count, each.value, each.unit,
                                         describe(each.tag, each.recalled)),
                             each.recalled});
  }

 private:
  Report& report_;
  Tag counts_;
};

Figure derived(double value, const char* unit, const char* how) {
  return {value, unit, Tag::kDerived, how};
}

/// Trees of an activation column, in those of the tiles that were measured.
double trees_of(const spec::ChipConfig& chip) {
  return double{1.0 * chip.trees} / spec::kTritsPerByte;
}

/// The array's energy for a beat: what the activation columns share, and what each adds.
struct ArrayEnergy {
  Figure shared, column, idle_shared, idle_column;
};

ArrayEnergy split(const Technology& t, const char* workload) {
  const Block& one = t.block("array");
  const Block& two = t.block("array_m2");
  // Attention was measured with one column: what the columns share there is that of the head.
  const auto second = two.cycle.find(workload) != two.cycle.end() ? workload : "head";
  const double a = one.cycle.at(second).value, b = two.cycle.at(second).value;
  const double idle_a = one.cycle.at("idle").value, idle_b = two.cycle.at("idle").value;
  const char* how = "array_m2 less array";
  return {derived(2 * a - b, "pJ/beat", how), derived(b - a, "pJ/column", how),
          derived(2 * idle_a - idle_b, "pJ/cycle", how), derived(idle_b - idle_a, "pJ/cycle", how)};
}

void array(const Counts& c, const spec::ChipConfig& chip, const Technology& t, ClockGating gating,
           Ledger& out) {
  const double tiles = chip.columns / kTileColumns * kPico;
  const double m = chip.act_columns;
  const Block& digits = t.block("digit_weight");
  const Block& bank = t.block("accumulator_bank");
  const double trees = trees_of(chip);
  const auto layout = [&](const BeatCounts& beats, const char* workload, const char* name,
                          double additions, double share) {
    const auto columns = static_cast<double>(beats.column_beats);
    const double used = columns * share;
    const ArrayEnergy e = split(t, workload);
    out.add(Unit::kCore, fmt::format("array, {}: decoders", name), static_cast<double>(beats.beats),
            e.shared, tiles);
    out.add(Unit::kCore, fmt::format("array, {}: lanes and trees", name), used, e.column, tiles);
    out.add(Unit::kCore, fmt::format("digit weights, {}", name), used, digits.cycle.at(workload),
            kPico);
    const double idle = bank.cycle.at("idle").value;
    // An addition clocks one entry of the bank's 52; the others are gated.
    const double add = bank.cycle.at("bank").value - idle * (1 - 1 / kBankEntries);
    out.add(Unit::kCore, fmt::format("accumulators, {}", name), columns * additions,
            derived(add, "pJ/addition", "bank, its other entries gated"), kPico);
  };
  layout(c.plane, "weights", "weights", spec::kTritsPerByte, 1);
  layout(c.value, "head", "values", 1, 1);
  // Signs cost the lanes what trits do.
  layout(c.sign, "weights", "signs", chip.trees, trees);
  if (gating == ClockGating::kUnits) return;

  const ArrayEnergy e = split(t, "weights");
  const auto cycles = static_cast<double>(c.cycles);
  const auto beats = static_cast<double>(c.plane.beats + c.value.beats + c.sign.beats);
  const auto used = static_cast<double>(c.plane.column_beats + c.value.column_beats) +
                    static_cast<double>(c.sign.column_beats) * trees;
  const auto additions = static_cast<double>(c.plane.column_beats) * spec::kTritsPerByte +
                         static_cast<double>(c.value.column_beats) +
                         static_cast<double>(c.sign.column_beats) * chip.trees;
  out.add(Unit::kCore, "clock of unused decoders", cycles - beats, e.idle_shared, tiles);
  out.add(Unit::kCore, "clock of unused lanes and trees", cycles * m * trees - used, e.idle_column,
          tiles);
  out.add(Unit::kCore, "clock of unused digit weights", cycles * m * trees - used,
          digits.cycle.at("idle"), kPico);
  out.add(Unit::kCore, "clock of accumulators", cycles * m * chip.trees - additions / kBankEntries,
          bank.cycle.at("idle"), kPico);
}

void vector_unit(const Counts& c, const spec::ChipConfig& chip, const Technology& t,
                 ClockGating gating, Report& report, Ledger& out) {
  if (!t.blocks.contains("vector_lane")) {
    report.missing.push_back("vector lanes: not measured on this technology");
    return;
  }
  const Block& lane = t.block("vector_lane");
  const auto elements = [&](const char* name, uint64_t count) {
    out.add(Unit::kCore, fmt::format("vector lanes, {}", name), static_cast<double>(count),
            lane.operation.at(fmt::format("{}/element", name)), kPico);
  };
  elements("scale", c.vector.scale);
  elements("multiply", c.vector.multiply);
  elements("accumulate", c.vector.accumulate);
  if (gating == ClockGating::kNone) {
    const double busy = static_cast<double>(c.vector.scale) +
                        2.0 * static_cast<double>(c.vector.multiply + c.vector.accumulate);
    out.add(Unit::kCore, "clock of unused vector lanes",
            std::max(0.0, static_cast<double>(c.cycles) * chip.lanes - busy), lane.cycle.at("idle"),
            kPico);
  }
}

void controller(const Counts& c, const spec::ChipConfig& chip, const Technology& t, Report& report,
                Ledger& out) {
  const auto running = static_cast<double>(c.controller_cycles + c.controller_polls);
  const auto stalled = static_cast<double>(c.controller_stalls);
  if (t.blocks.contains("controller")) {
    const auto& cycle = t.block("controller").cycle;
    out.add(Unit::kCore, "controller: works", static_cast<double>(c.controller_cycles),
            cycle.at("work"), kPico);
    out.add(Unit::kCore, "controller: polls", static_cast<double>(c.controller_polls),
            cycle.at("poll"), kPico);
    out.add(Unit::kCore, "controller: waits for a device", stalled, cycle.at("stall"), kPico);
  } else if (running + stalled > 0) {
    report.missing.push_back("the controller's core: not measured on this technology");
  }
  // Nothing is fetched while it waits.
  out.add(Unit::kSram, "controller: instructions", running, t.sram_byte(chip.instr_bytes),
          kPico * kWordBytes);
  out.add(Unit::kSram, "controller: data", static_cast<double>(c.controller_accesses),
          t.sram_byte(chip.data_bytes), kPico * kWordBytes);
}

void memories(const Counts& c, const spec::ChipConfig& chip, const Technology& t, Ledger& out) {
  const double beat = chip.columns;
  // Five trees take the rows of five beats of signs in eight cycles.
  const double sign_beats = static_cast<double>(c.sign.beats) * chip.trees / 8;
  const double stream =
      static_cast<double>(c.plane.beats + c.value.beats + c.scale_beats + c.load_beats) +
      sign_beats;
  out.add(Unit::kSram, "prefetch FIFO: written and read", 2 * stream * beat,
          t.sram_byte(chip.fifo_beats * beat), kPico);
  // A group of the activation buffer holds Lanes bytes of each tile of a column.
  const Figure group = t.sram_byte(double{chip.act_depth * 1.0} * chip.lanes);
  out.add(
      Unit::kSram, "activation buffer: read",
      static_cast<double>(c.plane.column_beats + c.value.column_beats + c.sign.column_beats) * beat,
      group, kPico);
  out.add(Unit::kSram, "activation buffer: written", static_cast<double>(c.activation_bytes), group,
          kPico);
  const Figure bank = t.sram_byte(kWordBytes * chip.scratch_words / chip.lanes);
  out.add(Unit::kSram, "scratchpad: read", static_cast<double>(c.scratch_reads) * kWordBytes, bank,
          kPico);
  out.add(Unit::kSram, "scratchpad: written", static_cast<double>(c.scratch_writes) * kWordBytes,
          bank, kPico);
}

void leakage(const Counts& c, const spec::ChipConfig& chip, const Technology& t, Ledger& out) {
  const double m = chip.act_columns;
  const double one = t.block("array").leakage.value, two = t.block("array_m2").leakage.value;
  // Of each activation column the lanes, sums and digit weights of five trees were measured.
  const double columns = m * trees_of(chip);
  double microwatts = chip.columns / kTileColumns * (2 * one - two + columns * (two - one)) +
                      columns * t.block("digit_weight").leakage.value +
                      m * chip.trees * t.block("accumulator_bank").leakage.value;
  if (t.blocks.contains("vector_lane"))
    microwatts += chip.lanes * t.block("vector_lane").leakage.value;
  out.add(Unit::kCore, "leakage of array and vector lanes", c.seconds,
          derived(microwatts * 1e-6, "W", "sum of the blocks"));
}

void channel(const Counts& c, const Dram& d, Ledger& out) {
  const auto read = static_cast<double>(c.dram.read_bytes);
  const auto written = static_cast<double>(c.dram.written_bytes);
  out.add(Unit::kPhy, "PHY and signalling", read + written, d.phy);
  out.add(Unit::kDram, "read bursts", read, d.read);
  out.add(Unit::kDram, "write bursts", written, d.write);
  if (d.row_bytes == 0) return;
  out.add(Unit::kDram, "activates", c.dram.activates, d.activate);
  out.add(Unit::kDram, "refreshes", c.dram.refreshes, d.refresh);
  out.add(Unit::kDram, "standby, rows open", c.dram.open_seconds, d.open_standby);
  out.add(Unit::kDram, "standby, no row open", c.dram.idle_seconds, d.idle_standby);
}

}  // namespace

std::string_view name_of(Unit unit) {
  constexpr std::string_view kNames[kUnits] = {"core", "SRAM", "PHY", "DRAM"};
  return kNames[static_cast<int>(unit)];
}

double Report::joules(Unit unit) const {
  double sum = 0;
  for (const Term& term : terms) sum += term.unit == unit ? term.joules : 0;
  return sum;
}

double Report::joules() const {
  double sum = 0;
  for (const Term& term : terms) sum += term.joules;
  return sum;
}

Tag Report::tag(Unit unit) const {
  Tag weakest = Tag::kMeasured;
  for (const Term& term : terms) {
    if (term.unit == unit) weakest = std::max(weakest, term.tag);
  }
  return weakest;
}

Tag Report::tag() const {
  Tag weakest = Tag::kMeasured;
  for (const Term& term : terms) weakest = std::max(weakest, term.tag);
  return weakest;
}

bool Report::recalled(Unit unit) const {
  return std::ranges::any_of(terms, [&](const Term& t) { return t.recalled && t.unit == unit; });
}

bool Report::recalled() const { return std::ranges::any_of(terms, &Term::recalled); }

DramCounts stream_counts(uint64_t read_bytes, uint64_t written_bytes, double seconds,
                         const Dram& dram) {
  DramCounts c;
  c.read_bytes = read_bytes;
  c.written_bytes = written_bytes;
  c.open_seconds = seconds;
  if (dram.row_bytes > 0)
    c.activates = static_cast<double>(read_bytes + written_bytes) / dram.row_bytes;
  if (dram.refresh_seconds > 0) c.refreshes = seconds / dram.refresh_seconds;
  return c;
}

Counts& Counts::operator+=(const Counts& o) {
  const auto add = [](BeatCounts& a, const BeatCounts& b) {
    a.beats += b.beats;
    a.column_beats += b.column_beats;
  };
  tag = std::max(tag, o.tag);
  cycles += o.cycles;
  seconds += o.seconds;
  add(plane, o.plane);
  add(value, o.value);
  add(sign, o.sign);
  scale_beats += o.scale_beats;
  load_beats += o.load_beats;
  activation_bytes += o.activation_bytes;
  vector.scale += o.vector.scale;
  vector.multiply += o.vector.multiply;
  vector.accumulate += o.vector.accumulate;
  scratch_reads += o.scratch_reads;
  scratch_writes += o.scratch_writes;
  controller_cycles += o.controller_cycles;
  controller_polls += o.controller_polls;
  controller_stalls += o.controller_stalls;
  controller_accesses += o.controller_accesses;
  dram.read_bytes += o.dram.read_bytes;
  dram.written_bytes += o.dram.written_bytes;
  dram.activates += o.dram.activates;
  dram.refreshes += o.dram.refreshes;
  dram.open_seconds += o.dram.open_seconds;
  dram.idle_seconds += o.dram.idle_seconds;
  return *this;
}

Report estimate(const Counts& counts, const spec::ChipConfig& chip, const Technology& technology,
                const Dram& dram, const ModelOptions& options) {
  Report report;
  Ledger ledger(report, counts.tag);
  array(counts, chip, technology, options.gating, ledger);
  vector_unit(counts, chip, technology, options.gating, report, ledger);
  controller(counts, chip, technology, report, ledger);
  if (options.wires) {
    const Figure& wires = technology.wires;
    report.terms.push_back(
        {Unit::kCore, "wires and clock tree", report.joules(Unit::kCore) * (wires.value - 1),
         combine(wires.tag, report.tag(Unit::kCore)),
         fmt::format("core x {:.3g} ({})", wires.value - 1, describe(wires.tag, wires.recalled)),
         wires.recalled});
  } else {
    report.missing.push_back("wires and clock tree: left out");
  }
  leakage(counts, chip, technology, ledger);
  memories(counts, chip, technology, ledger);
  channel(counts, dram, ledger);
  report.missing.push_back(
      "stream reader, sequencer, result sink, vector issue and reductions, scoreboard, leakage of "
      "SRAM and PHY");
  return report;
}

}  // namespace tern::energy
