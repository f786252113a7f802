// SPDX-License-Identifier: Apache-2.0
#include "tape.hpp"

#include "model.hpp"
#include "spec/waits.hpp"
#include "units.hpp"

namespace tern::firmware {
namespace {

/// Of Change::at: not a word of a command, but the distance of a place.
constexpr uint32_t kDistance = 0x8000;

/// Words of the addresses of commands.
constexpr uint32_t kReadAddr = fields::load::kReadAddr.word;
constexpr uint32_t kStoreAddr = fields::store::kAddrLow.word;
constexpr spec::Field kStoreHigh = fields::store::kAddrHigh;
static_assert(fields::matmul::kReadAddr.word == kReadAddr && kStoreHigh.lsb == 0);

inline bool is_store(const spec::CommandWords& c) {
  return opcode_of(c) == spec::ChipOpcode::kStore;
}

inline uint32_t field(const Layer& layer, uint32_t offset) {
  return *reinterpret_cast<const uint32_t*>(reinterpret_cast<const char*>(&layer) + offset);
}

}  // namespace

void Tape::begin() {
  ready_ = full_ = false;
  size_ = changes_ = places_ = 0;
}

void Tape::end(const uint32_t (&unit_commands)[spec::kUnitCount],
               const uint32_t (&values)[kPlaceValues]) {
  for (uint32_t u = 0; u < spec::kUnitCount; ++u) unit_commands_[u] = unit_commands[u];
  for (uint32_t i = 0; i < kPlaceValues; ++i) values_[i] = values[i];
  ready_ = !full_;
  // Counts are known modulo 256, and read once a tape.
  for (uint32_t n : unit_commands) ready_ = ready_ && n < 220;
}

void Tape::put(const spec::CommandWords& command) {
  if (size_ == most_commands_)
    full_ = true;
  else
    command_[size_++] = command;
}

void Tape::put_place(uint32_t field, uint32_t distance) {
  if (places_ == most_places_)
    full_ = true;
  else
    place_[places_++] = {static_cast<uint16_t>(size_), static_cast<uint16_t>(field), distance};
}

void Tape::varies(uint32_t word, PlaceValue value) {
  if (changes_ == most_changes_ || full_) {
    full_ = true;
    return;
  }
  const bool distance = word == kStoreAddr && is_store(command_[size_ - 1]);
  const uint32_t at =
      distance ? kDistance | (places_ - 1) : (size_ - 1) * spec::kCommandWords + word;
  change_[changes_++] = {static_cast<uint16_t>(at), static_cast<uint16_t>(value)};
}

void Tape::move(const uint32_t (&values)[kPlaceValues]) {
  uint32_t by[kPlaceValues];
  uint32_t any = 0;
  for (uint32_t i = 0; i < kPlaceValues; ++i) {
    by[i] = values[i] - values_[i];
    values_[i] = values[i];
    any |= by[i];
  }
  if (any == 0) return;
  uint32_t* const words = command_[0].w;
  for (const Change* c = change_; c != change_ + changes_; ++c) {
    if ((c->at & kDistance) != 0)
      place_[c->at - kDistance].distance += by[c->value];
    else
      words[c->at] += by[c->value];
  }
}

void Tape::set_layer(const Layer& layer) {
  for (const Place* p = place_; p != place_ + places_; ++p) {
    spec::CommandWords& c = command_[p->command];
    const uint32_t unit = field(layer, p->field);
    if (!is_store(c)) {
      c.w[kReadAddr] = unit + p->distance;
      continue;
    }
    const uint64_t address = uint64_t{unit} * spec::kAddrUnit + p->distance;
    c.w[kStoreAddr] = static_cast<uint32_t>(address);
    c.w[kStoreHigh.word] =
        (c.w[kStoreHigh.word] & ~kStoreHigh.mask()) | static_cast<uint32_t>(address >> 32);
  }
}

void Units::play(Tape& tape, const Layer& layer) {
  tape.set_layer(layer);
  if (timed_out()) return;
  Bus::play(tape.commands(), tape.size(), packed_issued());
  // All commands before those of the tape have left for the queues.
  read_done();
  for (uint32_t u = 0; u < spec::kUnitCount; ++u) issued_[u] += tape.size_of(u);
}

void Units::start_recording(Tape& tape, const Layer& layer) {
  tape.begin();
  tape_ = &tape;
  layer_ = &layer;
  record_start_ = packed_issued();
  for (uint32_t u = 0; u < spec::kUnitCount; ++u) record_from_[u] = issued_[u];
  pending_ = 0;
}

void Units::end_recording(const uint32_t (&values)[kPlaceValues]) {
  uint32_t commands[spec::kUnitCount];
  for (uint32_t u = 0; u < spec::kUnitCount; ++u) commands[u] = issued_[u] - record_from_[u];
  tape_->end(commands, values);
  tape_ = nullptr;
}

void Units::record() {
  spec::CommandWords c;
  for (uint32_t i = 0; i < spec::kCommandWords; ++i) c.w[i] = Bus::read(cmd(i));
  uint32_t& waits = c.w[fields::kWaits.word];
  waits = spec::subtract_waits(waits, record_start_);
  const spec::ChipOpcode what = opcode_of(c);
  if (what != spec::ChipOpcode::kVector && what != spec::ChipOpcode::kScalar) {
    const uint32_t unit = field(*layer_, field_);
    const uint32_t distance =
        is_store(c) ? c.w[kStoreAddr] - unit * spec::kAddrUnit : c.w[kReadAddr] - unit;
    tape_->put_place(field_, distance);
  }
  tape_->put(c);
  for (uint32_t i = 0; i < pending_; ++i) tape_->varies(pending_word_[i], pending_value_[i]);
  pending_ = 0;
}

}  // namespace tern::firmware
