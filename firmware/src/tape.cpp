#include "tape.hpp"

#include "model.hpp"
#include "units.hpp"

namespace tern::firmware {

void Tape::begin() {
  ready_ = full_ = false;
  size_ = changes_ = 0;
}

void Tape::end(const uint32_t (&commands)[spec::kUnitCount],
               const uint32_t (&place)[kPlaceValues]) {
  words_[size_] = kEnd;
  for (uint32_t u = 0; u < spec::kUnitCount; ++u) commands_[u] = commands[u];
  for (uint32_t i = 0; i < kPlaceValues; ++i) place_[i] = place[i];
  ready_ = !full_;
  // Counts are known modulo 256, and read after each part.
  for (uint32_t n : commands) ready_ = ready_ && n < 200;
}

void Tape::move(const uint32_t (&place)[kPlaceValues]) {
  uint32_t by[kPlaceValues];
  uint32_t any = 0;
  for (uint32_t i = 0; i < kPlaceValues; ++i) {
    by[i] = place[i] - place_[i];
    place_[i] = place[i];
    any |= by[i];
  }
  if (any == 0) return;
  for (const Change* c = change_; c != change_ + changes_; ++c) words_[c->at] += by[c->value];
}

namespace {

constexpr uint32_t kCmd = spec::mmio::kCmd;

/// Sums of bytes.
inline uint32_t add_bytes(uint32_t a, uint32_t b) {
  return ((a & 0x7f7f7f7f) + (b & 0x7f7f7f7f)) ^ ((a ^ b) & 0x80808080);
}
inline uint32_t subtract_bytes(uint32_t a, uint32_t b) {
  return ((a | 0x80808080) - (b & 0x7f7f7f7f)) ^ ((a ^ ~b) & 0x80808080);
}

inline uint32_t field(const Layer& layer, uint32_t head) {
  return *reinterpret_cast<const uint32_t*>(reinterpret_cast<const char*>(&layer) + (head >> 16));
}

}  // namespace

void Units::play(const Tape& tape, const Layer& layer) {
  const uint32_t start = packed_issued();
  const uint32_t go = issue_;
  for (const uint32_t* p = tape.words();;) {
    const uint32_t head = *p++;
    if (head == Tape::kVector) {
      const uint32_t w0 = p[0], w2 = p[1], w3 = p[2], w4 = p[3], w5 = p[4], w6 = p[5], w7 = p[6];
      p += 7;
      Bus::write(kCmd, w0);
      Bus::write(kCmd + 8, w2);
      Bus::write(kCmd + 12, w3);
      Bus::write(kCmd + 16, w4);
      Bus::write(kCmd + 20, w5);
      Bus::write(kCmd + 24, w6);
      Bus::write(kCmd + 28, w7);
      Bus::write(go, 0);
      continue;
    }
    if ((head & Tape::kWaits) != 0) Bus::write(kCmd + 4, add_bytes(start, *p++));
    const uint32_t kind = head & 7;
    if (kind == Tape::kScalars) {
      Bus::write(kCmd + 20, *p++);
      if ((head & Tape::kSame) == 0) {
        Bus::write(kCmd + 16, 0);
        Bus::write(kCmd + 24, 0);
        Bus::write(kCmd + 28, 0);
      }
      const auto* end = reinterpret_cast<const uint32_t*>(reinterpret_cast<const char*>(p) +
                                                          (head >> Tape::kLength));
      do {
        const uint32_t w0 = p[0], w2 = p[1], w3 = p[2];
        p += 3;
        Bus::write(kCmd, w0);
        Bus::write(kCmd + 8, w2);
        Bus::write(kCmd + 12, w3);
        Bus::write(go, 0);
      } while (p != end);
    } else if (kind == Tape::kVector || kind == Tape::kStream) {
      const uint32_t w0 = p[0], w3 = p[2], w4 = p[3], w5 = p[4], w6 = p[5], w7 = p[6];
      uint32_t w2 = p[1];
      if (kind == Tape::kStream) w2 += field(layer, head);
      p += 7;
      Bus::write(kCmd, w0);
      Bus::write(kCmd + 8, w2);
      Bus::write(kCmd + 12, w3);
      Bus::write(kCmd + 16, w4);
      Bus::write(kCmd + 20, w5);
      Bus::write(kCmd + 24, w6);
      Bus::write(kCmd + 28, w7);
      Bus::write(go, 0);
    } else if (kind == Tape::kStore) {
      const uint32_t unit = field(layer, head);
      const uint32_t low = unit * spec::kAddrUnit;
      const uint32_t address = low + p[5];
      Bus::write(kCmd, p[0]);
      Bus::write(kCmd + 8, address);
      Bus::write(kCmd + 12, p[1] + static_cast<uint32_t>(uint64_t{unit} * spec::kAddrUnit >> 32) +
                                (address < low));
      Bus::write(kCmd + 16, p[2]);
      Bus::write(kCmd + 20, p[3]);
      Bus::write(kCmd + 24, p[4]);
      Bus::write(kCmd + 28, 0);
      p += 6;
      Bus::write(go, 0);
    } else {
      break;
    }
  }
  for (uint32_t u = 0; u < spec::kUnitCount; ++u) issued_[u] += tape.commands(u);
  read_done();
}

void Units::start_recording(Tape& tape, const Layer& layer) {
  tape.begin();
  tape_ = &tape;
  layer_ = &layer;
  record_start_ = packed_issued();
  for (uint32_t u = 0; u < spec::kUnitCount; ++u) record_from_[u] = issued_[u];
  field_ = pending_ = 0;
  since_waits_ = kMostWithoutWaits;
  run_head_ = run_rows_ = 0;
}

void Units::end_recording(const uint32_t (&place)[kPlaceValues]) {
  uint32_t commands[spec::kUnitCount];
  for (uint32_t u = 0; u < spec::kUnitCount; ++u) commands[u] = issued_[u] - record_from_[u];
  tape_->end(commands, place);
  tape_ = nullptr;
}

/// Whether the vector unit's next command needs waits: those that no longer matter are repeated now
/// and then, lest they fall behind too far.
bool Units::needs_waits() {
  const bool needed = waits_matter_ || ++since_waits_ >= kMostWithoutWaits;
  if (needed) since_waits_ = 0;
  return needed;
}

void Units::record(uint32_t unit) {
  Tape& tape = *tape_;
  spec::CommandWords c;
  for (uint32_t i = 0; i < spec::kCommandWords; ++i) c.w[i] = Bus::read(kCmd + 4 * i);
  const uint32_t waits = c.w[1];
  const bool vector = unit == static_cast<uint32_t>(spec::Unit::kVector);
  const bool store = unit == static_cast<uint32_t>(spec::Unit::kStore);
  const bool with_waits = !vector || needs_waits();
  if (with_waits) since_waits_ = 0;
  if (vector) field_ = 0;
  tape.put((vector  ? Tape::kVector
            : store ? Tape::kStore
                    : Tape::kStream) |
           field_ << 16 | (with_waits ? Tape::kWaits : 0));
  if (with_waits) tape.put(subtract_bytes(waits, record_start_));
  const uint32_t relative =
      vector ? 0
             : *reinterpret_cast<const uint32_t*>(reinterpret_cast<const char*>(layer_) + field_);
  uint32_t at[spec::kCommandWords] = {};
  const auto put = [&](uint32_t i, uint32_t word) {
    at[i] = tape.size();
    tape.put(word);
  };
  put(0, c.w[0]);
  if (store) {
    const uint64_t base = uint64_t{relative} * spec::kAddrUnit;
    const uint64_t address = uint64_t{c.w[3] & 0xff} << 32 | c.w[2];
    put(3, c.w[3] & ~0xffu);
    for (uint32_t i = 4; i < 7; ++i) put(i, c.w[i]);
    put(2, static_cast<uint32_t>(address - base));
  } else {
    put(2, c.w[2] - relative);
    for (uint32_t i = 3; i < spec::kCommandWords; ++i) put(i, c.w[i]);
  }
  for (uint32_t i = 0; i < pending_; ++i) tape.varies(at[pending_word_[i]], pending_value_[i]);
  field_ = pending_ = 0;
  run_rows_ = 0;
}

void Units::record_rows(bool with_waits) {
  const uint32_t waits = Bus::read(kCmd + 4);
  const uint32_t rows = Bus::read(kCmd + 20);
  with_waits = with_waits && needs_waits();
  const bool same = run_rows_ != 0;
  if (same && rows == run_rows_ && !with_waits) return;
  run_head_ = tape_->size();
  run_rows_ = rows;
  tape_->put(Tape::kScalars | (with_waits ? Tape::kWaits : 0) | (same ? Tape::kSame : 0));
  if (with_waits) tape_->put(subtract_bytes(waits, record_start_));
  tape_->put(rows);
}

void Units::record_scalar() {
  (*tape_)[run_head_] += 3 * sizeof(uint32_t) << Tape::kLength;
  tape_->put(Bus::read(kCmd));
  tape_->put(Bus::read(kCmd + 8));
  tape_->put(Bus::read(kCmd + 12));
  ++since_waits_;
}

}  // namespace tern::firmware
