// SPDX-License-Identifier: Apache-2.0
#include "schedule/builder.hpp"

namespace tern::firmware {
namespace {

constexpr uint32_t bit(SlotValue value) { return uint32_t{1} << index_of(value); }

/// The values that change from slot to slot or from step to step.
uint32_t varying(const Model& m, uint32_t loads) {
  using V = SlotValue;
  uint32_t bits = bit(V::kOwn) - 1;
  if (m.plan.group == 1) return bits;
  bits |= bit(V::kScoreEven) - bit(V::kOwn);
  if ((m.bundles & 1) != 0) bits |= bit(V::kScalesEven) - bit(V::kScoreEven);
  if ((loads & 1) != 0) bits |= bit(V::kCount) - bit(V::kScalesEven);
  return bits;
}

}  // namespace

spec::ScalarCommand Scalar::command() const {
  spec::ScalarCommand c;
  c.op = id(op);
  c.use_b = b.used;
  c.step_a = a.steps;
  c.step_b = b.steps;
  c.times_b = static_cast<uint32_t>(times);
  c.ra = a.reg;
  c.rb = b.reg;
  c.rd = rd;
  c.constant = static_cast<uint32_t>(constant);
  c.rows = rows;
  return c;
}

Builder::Builder(Program& program, Mode mode)
    : program_(program),
      mode_(mode),
      layer_(reinterpret_cast<const uint32_t*>(&program.m_.layer[0])),
      slot_varies_(varying(program.m_, program.loads_)) {}

void Builder::begin(Block) {
  for (uint32_t& n : issued_) n = 0;
  block_layer_ = patches_[index_of(Follows::kLayer)];
}

void Builder::end(Block block) {
  program_.vectors_[index_of(block)] = last_vector().number;
  program_.layer_patches_[index_of(block)] = {
      static_cast<uint16_t>(block_layer_),
      static_cast<uint16_t>(patches_[index_of(Follows::kLayer)])};
}

void Builder::begin(PieceId id, Rows rows) {
  piece_ = &program_.piece_[index_of(id)];
  piece_->commands.first = static_cast<uint16_t>(size_);
  piece_->position.first = static_cast<uint16_t>(patches_[index_of(Follows::kPosition)]);
  piece_->slot.first = static_cast<uint16_t>(patches_[index_of(Follows::kSlot)]);
  piece_->bundle.first = static_cast<uint16_t>(patches_[index_of(Follows::kBundle)]);
  piece_->before = packed_issued();
  piece_->scales = Piece::kNone;
  rows_are_slots_ = rows == Rows::kSlots && program_.m_.plan.group > 1;
  in_copy_ = loops() && id >= PieceId::kBundle && id < PieceId::kLastBundle;
  if (in_copy_) piece_->at_bundle = static_cast<uint8_t>(index_of(id) - index_of(PieceId::kBundle));
}

void Builder::end() {
  piece_->commands.last = static_cast<uint16_t>(size_);
  piece_->position.last = static_cast<uint16_t>(patches_[index_of(Follows::kPosition)]);
  piece_->slot.last = static_cast<uint16_t>(patches_[index_of(Follows::kSlot)]);
  piece_->bundle.last = static_cast<uint16_t>(patches_[index_of(Follows::kBundle)]);
  piece_->after = packed_issued();
}

uint32_t Builder::put(spec::Unit unit, const spec::CommandWords& words, Waits waits) {
  stores_ = unit == spec::Unit::kStore;
  if (mode_ == kBuild) {
    spec::CommandWords& c = program_.commands_[size_];
    c = words;
    c.w[fields::kWaits.word] = waits.word;
  }
  ++size_;
  return ++issued_[index_of(unit)];
}

VectorTicket Builder::put(const spec::VectorCommand& c, Waits waits) {
  const VectorTicket ticket{put(spec::Unit::kVector, c.pack(), waits)};
  if (rows_are_slots_) follows<fields::vector::kRows>(StepValue::kSlots);
  return ticket;
}

VectorTicket Builder::put(const Scalar& c, Waits waits) {
  const VectorTicket ticket{put(spec::Unit::kVector, c.command().pack(), waits)};
  if (rows_are_slots_) follows<fields::scalar::kRows>(StepValue::kSlots);
  return ticket;
}

void Builder::follow(Follows kind, uint32_t value, uint32_t word, uint32_t lsb) {
  uint32_t& count = patches_[index_of(kind)];
  if (mode_ == kBuild) {
    uint32_t shift = lsb;
    if (stores_ && word == fields::store::kAddrLow.word) {
      constexpr uint32_t kUnit = static_cast<uint32_t>(spec::bit_width(spec::kAddrUnit)) - 1;
      shift = Patch::kAddress | (kind == Follows::kLayer ? kUnit : 0);
    }
    const uint32_t at = (size_ - 1) * sizeof(spec::CommandWords) + word * sizeof(uint32_t);
    program_.patches_[index_of(kind)][count] = {static_cast<uint16_t>(at),
                                                static_cast<uint8_t>(value * sizeof(uint32_t)),
                                                static_cast<uint8_t>(shift)};
  }
  ++count;
}

uint32_t Builder::long_done() const {
  uint32_t word = 0;
  for (uint32_t u = 0; u < spec::kUnitCount; ++u)
    word |= spec::count_of(u).put((issued_[u] - kMostUnderWay) & 0xff);
  return word;
}

uint32_t Builder::with(uint32_t word, uint32_t unit, uint32_t number) const {
  if (issued_[unit] - number >= kMostUnderWay) return word;
  const spec::Field count = spec::count_of(unit);
  return (word & ~count.mask()) | count.put(number & count.max());
}

uint32_t Builder::packed_issued() const {
  uint32_t word = 0;
  for (uint32_t u = 0; u < spec::kUnitCount; ++u) word |= spec::count_of(u).put(issued_[u] & 0xff);
  return word;
}

}  // namespace tern::firmware
