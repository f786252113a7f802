// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "issue/units.hpp"
#include "schedule/fields.hpp"
#include "schedule/program.hpp"

namespace tern::firmware {

/// What B of a SCALAR command is: a multiple of the exponent of its second operand.
enum class Times : uint32_t { kOne = 0, kMinusOne = 1, kTwo = 2 };

/// An operand of a SCALAR command: a register for each row, or the same for all.
struct Operand {
  uint32_t reg = 0;
  bool steps = false, used = false;
};
constexpr Operand each(uint32_t reg) { return {reg, true, true}; }
constexpr Operand same(uint32_t reg) { return {reg, false, true}; }

/// A SCALAR command: rd = op(a, b) for each row, rd advancing with it.
struct Scalar {
  spec::ScalarOp op;
  Operand a, b = {};
  uint32_t rd;
  int32_t constant = 0;
  Times times = Times::kOne;
  uint32_t rows = 1;  ///< In a piece whose rows are slots: 1.

  spec::ScalarCommand command() const;
};

/// Whether the rows of a piece's commands are the slots of the step.
enum class Rows : uint8_t { kOwn, kSlots };

/// Puts commands into a program, in the order in which they are played for a step of one slot.
/// Tickets count from the start of a block on: number 0 is whatever was issued before it.
///
/// A wait has to hold whenever its command is played, even if there is nothing to wait for now. So
/// what is no wait names a command so far back that no queue can still hold it.
class Builder {
 public:
  enum Mode : uint8_t { kCount, kBuild };
  Builder(Program& program, Mode mode);

  uint32_t commands() const { return size_; }
  const uint32_t (&patches() const)[kFollows] { return patches_; }
  uint32_t copies() const { return program_.copies(); }
  bool loops() const { return program_.loops(); }

  void begin(Block block);
  void end(Block block);
  void begin(PieceId id, Rows rows = Rows::kOwn);
  void end();

  /// The next two commands of the piece are LOADs of the scales of earlier positions.
  void mark_scales() {
    piece_->scales = static_cast<uint16_t>(size_);
    piece_->before_scales = packed_issued();
  }

  LoadTicket put(const spec::LoadCommand& c, Waits waits) {
    return {put(spec::Unit::kLoad, c.pack(), waits)};
  }
  MatmulTicket put(const spec::MatmulCommand& c, Waits waits) {
    return put_matmul(c.pack(), waits);
  }
  MatmulTicket put_matmul(const spec::CommandWords& words, Waits waits) {
    return {put(spec::Unit::kMatmul, words, waits)};
  }
  /// Without waits: the vector unit's commands are run in order.
  VectorTicket put(const spec::VectorCommand& c, Waits waits);
  VectorTicket put(const spec::VectorCommand& c) { return put(c, after()); }
  VectorTicket put(const Scalar& c, Waits waits);
  VectorTicket put(const Scalar& c) { return put(c, after()); }
  StoreTicket put(const spec::StoreCommand& c, Waits waits) {
    return {put(spec::Unit::kStore, c.pack(), waits)};
  }

  /// Waits for all of these, and for nothing else.
  template <spec::Unit... kUnits>
  Waits after(Ticket<kUnits>... tickets) const {
    uint32_t word = long_done();
    ((word = with(word, static_cast<uint32_t>(kUnits), tickets.number)), ...);
    return {word};
  }
  VectorTicket last_vector() const { return {issued_[index_of(spec::Unit::kVector)]}; }
  VectorTicket next_vector() const { return {last_vector().number + 1}; }

  // A field of the last command follows a value. What it was put together with belongs to a step
  // of one slot that is not traced, the first layer, slot 0 at position 0, or the bundle that the
  // copy serves first.
  template <spec::Field kField>
  void follows(StepValue value) {
    follow<kField>(Follows::kStep, index_of(value));
  }
  template <spec::Field kField>
  void follows(SlotValue value) {
    if ((slot_varies_ >> index_of(value) & 1) == 0) return;
    follow<kField>(follows_position(value) ? Follows::kPosition : Follows::kSlot, index_of(value));
  }
  template <spec::Field kField>
  void follows(BundleValue value) {
    if (in_copy_) follow<kField>(Follows::kBundle, index_of(value));
  }
  /// An address of the first layer.
  template <spec::Field kField>
  void follows(const uint32_t& address) {
    follow<kField>(Follows::kLayer, static_cast<uint32_t>(&address - layer_));
  }

 private:
  static constexpr uint32_t kMostUnderWay = 24;  ///< Of a unit: its queue, and a few more.

  template <spec::Field kField>
  void follow(Follows kind, uint32_t value) {
    follow(kind, value, kField.word, kField.lsb);
  }
  void follow(Follows kind, uint32_t value, uint32_t word, uint32_t lsb);
  uint32_t put(spec::Unit unit, const spec::CommandWords& words, Waits waits);
  uint32_t long_done() const;
  uint32_t with(uint32_t word, uint32_t unit, uint32_t number) const;
  uint32_t packed_issued() const;

  Program& program_;
  const Mode mode_;
  const uint32_t* layer_;
  uint32_t slot_varies_ = 0;
  uint32_t size_ = 0;
  uint32_t patches_[kFollows] = {};
  uint32_t issued_[spec::kUnitCount] = {};
  uint32_t block_layer_ = 0;  ///< Patches of layers before the block.
  Piece* piece_ = nullptr;
  bool rows_are_slots_ = false;
  bool in_copy_ = false;
  bool stores_ = false;  ///< The last command is a STORE.
};

}  // namespace tern::firmware
