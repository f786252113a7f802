// SPDX-License-Identifier: Apache-2.0
#include "stream_unit.hpp"

#include <algorithm>
#include <bit>

#include "spec/numerics/layout.hpp"

namespace tern::tlm {

using spec::Unit;

namespace {

/// Trits of a write: the greatest power of two of codes that the lanes take, half a beat at most.
uint32_t trits_at_once(const spec::ChipConfig& chip) {
  const uint32_t codes = std::bit_floor(chip.lanes / spec::kTritsPerByte);
  return spec::kTritsPerByte * std::min(codes, chip.columns / 2);
}

}  // namespace

StreamUnit::StreamUnit(const PerfConfig& config, MemoryModel& memory, Scoreboard& scoreboard,
                       Ports& ports, StoreUnit& store, EventLog& log, Activity& activity)
    : chip_(config.chip),
      levels_(static_cast<uint32_t>(std::bit_width(config.chip.columns)) - 1),
      scoreboard_(scoreboard),
      ports_(ports),
      store_(store),
      log_(log),
      activity_(activity),
      prefetch_(config, memory, activity),
      segments_(config.chip.cmd_depth),
      commands_(config.chip.cmd_depth) {}

Cycle StreamUnit::room() {
  while (pending_.size() >= chip_.cmd_depth) step();
  return std::max(segments_.next(), commands_.next());
}

void StreamUnit::push(Cycle pushed, const spec::CommandWords& words) {
  segments_.push();
  commands_.push();
  pending_.push_back({pushed, words, {scoreboard_, words.w[spec::fields::kWaits.word]}});
  const bool load = opcode_of(words) == spec::ChipOpcode::kLoad;
  scoreboard_.issue(load ? Unit::kLoad : Unit::kMatmul);
}

void StreamUnit::advance(Cycle cycle) {
  while (next() < cycle) step();
}

void StreamUnit::finish(Unit unit, uint64_t number) {
  while (scoreboard_.known(unit) < number) step();
}

Cycle StreamUnit::next() const {
  if (matmul_) return std::max(matmul_->planned, matmul_->closed);
  if (pending_.empty()) return kNever;
  return std::max(commands_.head(pending_.front().pushed), sequencer_free_);
}

void StreamUnit::step() {
  if (!matmul_) return begin();
  const ActivityOf activity(activity_, log_.observed());
  run_block(*matmul_);
  if (matmul_->stripes_left == 0) ++activity_.commands;
  if (log_.observed()) matmul_->activity += activity.get();
  if (matmul_->stripes_left > 0) return;
  sequencer_free_ = matmul_->closed + 1;
  log_.executed({matmul_->command.pack(), matmul_->accepted, sequencer_free_, matmul_->activity});
  matmul_.reset();
}

void StreamUnit::log_held(Cycle cycle) {
  if (!pending_.empty()) log_.add_held(commands_.head(pending_.front().pushed), cycle);
}

void StreamUnit::begin() {
  const Pending p = pending_.front();
  pending_.pop_front();
  // LOAD and MATMUL have the fields of the segment in the same places.
  const auto segment = spec::MatmulCommand::unpack(p.words);
  store_.finish(p.waits.of(Unit::kStore));
  const Cycle offered = std::max(segments_.head(p.pushed),
                                 scoreboard_.done_at(Unit::kStore, p.waits.of(Unit::kStore)));
  segments_.leave(
      prefetch_.start(offered, uint64_t{segment.read_addr} * spec::kAddrUnit, segment.beats));

  const bool load = segment.opcode == static_cast<uint32_t>(spec::ChipOpcode::kLoad);
  const Cycle held = commands_.head(p.pushed);
  Cycle accepted = std::max({held, sequencer_free_, p.waits.met(scoreboard_)});
  if (load) accepted = std::max(accepted, loader_free_);
  commands_.leave(accepted);
  log_.add_held(held, accepted + 1);
  if (load) return run_load(spec::LoadCommand::unpack(p.words), accepted);
  const bool value = static_cast<spec::Layout>(segment.layout) == spec::Layout::kValue;
  const spec::MatrixShape shape{segment.rows,    segment.cols,
                                segment.stripes, segment.block,
                                segment.planes,  static_cast<spec::Layout>(segment.layout),
                                chip_.columns,   static_cast<spec::Group>(segment.group)};
  matmul_ = Matmul{segment,
                   value,
                   shape,
                   segment.stripes,
                   value ? std::min(segment.rows, segment.stripes) : segment.rows,
                   accepted,
                   accepted + 2};
}

void StreamUnit::run_load(const spec::LoadCommand& c, Cycle accepted) {
  const ActivityOf activity(activity_, log_.observed());
  const auto format = static_cast<spec::Format>(c.format);
  const bool trits = format == spec::Format::kTrit;
  const uint32_t elements = trits ? spec::kTritsPerByte * chip_.columns
                                  : chip_.columns / (format == spec::Format::kHalf ? 2 : 4);
  const uint32_t at_once = trits ? trits_at_once(chip_) : std::min(elements, chip_.lanes);
  const uint32_t writes = elements / at_once;  // of a beat: a cycle each
  const uint32_t used = std::min(c.beats, spec::ceil_div(c.count, elements));
  const uint32_t rest = c.count - (used - 1) * elements;
  uint32_t last_writes = std::min(writes, spec::ceil_div(rest, at_once));
  const uint32_t all_writes = (used - 1) * writes + last_writes;
  Prefetch::Taken taken = prefetch_.take(used, accepted + 1, {writes});
  // Those that come first at the port hold up beats too.
  Cycle written = taken.first;
  for (uint32_t i = 0; i < all_writes; ++i) {
    const Cycle behind_vector = ports_.write.nth(written + 1, 1);
    written = ports_.result_writes.nth(behind_vector, 1);
    if (written != behind_vector) written = ports_.write.nth(written, 1);
  }
  taken.last = std::max(taken.last, written - last_writes);
  if (used < c.beats) {
    taken.last = prefetch_.take(c.beats - used, taken.last + last_writes).last;
    last_writes = 1;
  }
  log_.add_engine({.begin = taken.first, .end = taken.last + 1, .load_beats = c.beats});
  ++activity_.commands;
  activity_.load_beats += c.beats;
  activity_.scratch_load_writes += all_writes;
  activity_.scratch_load_words += c.count;
  sequencer_free_ = taken.last + 1;
  loader_free_ = taken.last + last_writes + 1;
  scoreboard_.complete(Unit::kLoad, taken.last + last_writes + 1);
  log_.executed({c.pack(), accepted, sequencer_free_, activity.get()});
}

void StreamUnit::run_block(Matmul& m) {
  const spec::MatmulCommand& c = m.command;
  const uint32_t stripes = std::min(m.stripes_left, c.block);
  const uint32_t rows = m.value ? stripes : spec::kTritsPerByte * stripes;
  const uint32_t live_rows = std::min(rows, m.rows_left);
  const bool half = rows <= spec::kTritsPerByte * (chip_.acc_depth / 2);
  m.stripes_left -= stripes;
  m.rows_left -= live_rows;

  // A block may open in the cycle of the last beat before it, which is no stall.
  const Cycle granted = half ? half_free_[next_half_] : std::max(half_free_[0], half_free_[1]);
  const Cycle opened = std::max({m.planned, m.closed, granted});
  const Cycle stalls_from = std::max(m.planned, m.closed + 1);
  if (opened > stalls_from)
    log_.add_engine({.begin = stalls_from, .end = opened, .stall_drain = opened - stalls_from});
  m.planned = opened + 2;

  const uint64_t beats = m.shape.block_beats(stripes);
  const uint32_t height = rows_of_step(m.shape.layout);  // and of an accumulator entry
  const uint64_t steps = uint64_t{m.shape.tiles()} * c.planes * (m.value ? stripes : rows / height);
  const uint64_t scales = uint64_t{m.shape.groups()} * m.shape.scale_beats(stripes);
  m.closed = take_block(m.shape, stripes, opened + 1);
  log_.add_engine({.begin = opened + 1,
                   .end = m.closed + 1,
                   .beats = beats,
                   .stall_read = m.closed - opened - steps - scales});
  const Cycle past = std::min(opened, sink_free_);
  ports_.write.forget_before(past);
  ports_.result_writes.forget_before(past);
  drain(spec::ceil_div(rows, height), height, live_rows, half, m.stripes_left == 0, c, m.closed);
  activity_.matrix_beats[c.layout][std::min<uint32_t>(c.act_columns, 8)] += steps;
  activity_.scale_beats += scales;
  activity_.act_tile_reads += steps * c.act_columns;
  activity_.acc_updates += steps * c.act_columns * (m.value ? 1 : height);
}

uint32_t StreamUnit::rows_of_step(spec::Layout layout) const {
  return layout == spec::Layout::kSign ? chip_.trees : spec::kTritsPerByte;
}

Cycle StreamUnit::take_block(const spec::MatrixShape& shape, uint32_t stripes, Cycle from) {
  if (shape.layout != spec::Layout::kSign || chip_.trees > spec::kTritsPerByte)
    return prefetch_.take(shape.block_beats(stripes), from).last;
  // Five beats in eight cycles; scales, a beat a cycle, begin with the next stripe.
  constexpr Pitch kSigns{spec::kSignStripes, spec::kSignBeats};
  const uint32_t all = shape.tiles();
  const uint32_t groups = std::max(shape.groups(), 1u);
  const uint32_t group_tiles =
      shape.groups() == 0 ? all : spec::group_columns(shape.group) / shape.columns;
  for (uint32_t g = 0; g < groups; ++g) {
    const uint32_t tiles = std::min(group_tiles, all - g * group_tiles);
    if (const uint32_t scales = shape.scale_beats(stripes))
      from = prefetch_.take(scales, from).next;
    from = prefetch_.take(uint64_t{tiles} * shape.tile_beats(stripes), from, kSigns).next;
  }
  return from - 1;
}

void StreamUnit::drain(uint32_t entries, uint32_t height, uint32_t live_rows, bool half, bool last,
                       const spec::MatmulCommand& c, Cycle closed) {
  // Through the array (levels_ + 2 cycles), digit weights and accumulators (3), scales (1 if there
  // are any), to landed_q (1).
  const Cycle taken = std::max(closed + levels_ + (chip_.group_scales ? 7 : 6), sink_free_);
  const Cycle first_read = std::max(taken + 1, entry_free_);
  // An entry goes out as a write a column, two with few lanes; the next one is read when all but
  // the last two columns before its own have been written, so the first write follows two cycles
  // after the read.
  const uint64_t columns = c.act_columns;
  const uint64_t parts = spec::ceil_div(chip_.trees, chip_.lanes);
  const uint64_t writes = entries * columns * parts;
  const uint64_t before_last = (entries - 1) * columns;
  const Cycle last_read = before_last < 2
                              ? first_read + before_last
                              : ports_.write.nth(first_read + 2, (before_last - 1) * parts);
  const Cycle first_write = first_read + (chip_.small_fabric ? 3 : 2);
  const Cycle last_write = ports_.write.nth(first_write, writes);
  entry_free_ = last_write - (first_write - first_read - 2) - parts;
  ports_.result_writes.reserve(first_write, last_write + 1, 1);
  if (half) {
    half_free_[next_half_] = last_read + 1;
    next_half_ ^= 1;
  } else {
    half_free_[0] = half_free_[1] = last_read + 1;
  }
  activity_.acc_reads += entries * columns * height;
  activity_.scratch_result_writes += writes;
  activity_.scratch_result_words += live_rows * columns;
  sink_free_ = last_read + 1;
  if (!last) return;
  // The greatest magnitudes of the last columns are found (3), then go to the scalar registers.
  sink_free_ = last_write + columns + (chip_.small_fabric ? 4 : 3);
  scoreboard_.complete(Unit::kMatmul, sink_free_);
}

}  // namespace tern::tlm
