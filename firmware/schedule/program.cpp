// SPDX-License-Identifier: Apache-2.0
#include "schedule/program.hpp"

#include "schedule/builder.hpp"
#include "schedule/schedule.hpp"

namespace tern::firmware {
namespace {

constexpr Piece kEmpty{};

inline Word* at_byte(Word* words, uint32_t byte) {
  return reinterpret_cast<Word*>(reinterpret_cast<char*>(words) + byte);
}
inline const Word* at_byte(const Word* words, uint32_t byte) {
  return reinterpret_cast<const Word*>(reinterpret_cast<const char*>(words) + byte);
}

/// A byte address of 40 bits in two words. The other field of the second word comes out as it was.
void add_to_address(Word* words, uint32_t from, uint32_t to, uint32_t shift) {
  const uint64_t by = (uint64_t{to} - from) << shift;
  const uint64_t sum = (uint64_t{words[1]} << 32 | words[0]) + by;
  words[0] = static_cast<uint32_t>(sum);
  words[1] = static_cast<uint32_t>(sum >> 32);
}

static_assert(fields::store::kAddrHigh.word == fields::store::kAddrLow.word + 1);
static_assert(fields::store::kAddrHigh.lsb == 0);

}  // namespace

void Program::apply(Follows follows, Range range, const Word* from, const Word* to) {
  Word* const words = commands_[0].w;
  const Patch* const end = patches_[index_of(follows)] + range.last;
  for (const Patch* p = patches_[index_of(follows)] + range.first; p != end; ++p) {
    const uint32_t was = *at_byte(from, p->value), is = *at_byte(to, p->value);
    Word* const word = at_byte(words, p->at);
    if ((p->shift & Patch::kAddress) != 0) [[unlikely]]
      add_to_address(word, was, is, p->shift & ~Patch::kAddress);
    else
      *word += (is - was) << p->shift;
  }
}

void Program::start(uint32_t copies) {
  copies_ = copies;
  loads_ = loops() ? m_.bundles : m_.kv_heads;
  for (Piece& piece : piece_) piece = kEmpty;
  for (const Layer*& layer : layer_) layer = &m_.layer[0];
  position_ = 0;
  moved_ = false;
  step_ = {};
  step_[StepValue::kSlots] = step_[StepValue::kKeep] = 1;
  slot_[0] = slot_values(m_, 0, 0, loads_);
}

/// Behind the layers: the commands, then the patches.
bool Program::place(const uint32_t (&patches)[kFollows], uint32_t commands) {
  constexpr uint32_t kAlign = sizeof(spec::CommandWords);
  uint32_t at = (m_.layers * sizeof(Layer) + kAlign - 1) / kAlign * kAlign;
  uint32_t bytes = at + commands * sizeof(spec::CommandWords);
  for (const uint32_t n : patches) bytes += n * sizeof(Patch);
  if (bytes > Model::kRoomBytes) return false;
  unsigned char* const room = reinterpret_cast<unsigned char*>(m_.layer);
  commands_ = reinterpret_cast<spec::CommandWords*>(room + at);
  auto* next = reinterpret_cast<Patch*>(commands_ + commands);
  for (uint32_t i = 0; i < kFollows; ++i) {
    patches_[i] = next;
    patch_count_[i] = patches[i];
    next += patches[i];
  }
  return true;
}

/// Bundles without a copy of their own take an even number of them in turn, so that each copy has
/// one of the two buffers.
bool Program::compile() {
  uint32_t copies = m_.bundles - 1;
  if (copies > kMostCopies) copies = kMostCopies;
  for (;;) {
    start(copies);
    Builder count(*this, Builder::kCount);
    schedule_all(m_, count);
    if (place(count.patches(), count.commands())) break;
    if (copies <= 2) return false;
    copies = (copies - 1) & ~1u;
  }
  Builder build(*this, Builder::kBuild);
  schedule_all(m_, build);
  return true;
}

void Program::set_step(const StepValues& to) {
  uint32_t differ = 0;
  for (uint32_t i = 0; i < index_of(StepValue::kCount); ++i) differ |= step_.v[i] ^ to.v[i];
  if (differ == 0) return;
  const auto all = static_cast<uint16_t>(patch_count_[index_of(Follows::kStep)]);
  apply(Follows::kStep, {0, all}, step_.words(), to.words());
  step_ = to;
}

void Program::set_position(uint32_t position) {
  for (uint32_t i = 0; moved_ && i < kPieces; ++i) move(static_cast<PieceId>(i), 0);
  moved_ = false;
  if (position == position_) return;
  const SlotValues to = slot_values(m_, position, 0, loads_);
  const auto all = static_cast<uint16_t>(patch_count_[index_of(Follows::kPosition)]);
  apply(Follows::kPosition, {0, all}, slot_[0].words(), to.words());
  slot_[0] = to;
  position_ = position;
}

void Program::set_slots(uint32_t slots) {
  for (uint32_t i = 1; i < slots; ++i) slot_[i] = slot_values(m_, position_, i, loads_);
}

void Program::move_to_bundle(PieceId id, uint32_t bundle) {
  Piece& piece = piece_[index_of(id)];
  const BundleValues from = bundle_values(m_, piece.at_bundle), to = bundle_values(m_, bundle);
  apply(Follows::kBundle, piece.bundle, from.words(), to.words());
  piece.at_bundle = static_cast<uint8_t>(bundle);
}

}  // namespace tern::firmware
