// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fields.hpp"
#include "units.hpp"

namespace tern::firmware {

/// What B of a SCALAR command is: a multiple of the exponent of its second operand.
enum class Times : uint32_t { kOne = 0, kMinusOne = 1, kTwo = 2 };

/// SCALAR commands one after another, all over the same rows: the words of the command that they
/// share are written once, so no other command may be issued between them. Steps: `a` and results
/// advance with the row unless the name says otherwise.
class ScalarRun {
 public:
  [[gnu::always_inline]] ScalarRun(Units& units, uint32_t rows, Waits waits) : units_(&units) {
    Bus::write(cmd(fields::kWaits.word), waits.word);
    Bus::write(cmd(4), 0);
    this->rows(rows);
    Bus::write(cmd(6), 0);
    Bus::write(cmd(7), 0);
  }
  [[gnu::always_inline]] void rows(uint32_t rows) {
    Bus::write(cmd(fields::scalar::kRows.word), fields::scalar::kRows.put(rows));
  }

  /// rd = op(a).
  [[gnu::always_inline]] VectorTicket of(spec::ScalarOp op, uint32_t a, uint32_t rd,
                                         int32_t constant = 0) {
    return issue(op, kStepA, a, 0, rd, constant);
  }
  /// rd = op(a), the same for all rows.
  [[gnu::always_inline]] VectorTicket repeat(spec::ScalarOp op, uint32_t a, uint32_t rd,
                                             int32_t constant = 0) {
    return issue(op, 0, a, 0, rd, constant);
  }
  /// rd = op(a, b), b advances with the row.
  [[gnu::always_inline]] VectorTicket with(spec::ScalarOp op, uint32_t a, uint32_t b, uint32_t rd,
                                           int32_t constant = 0, Times times = Times::kOne) {
    return issue(op, kStepA | kUseB | kStepB | word(times), a, b, rd, constant);
  }
  /// rd = op(a, b), the same b for all rows.
  [[gnu::always_inline]] VectorTicket by(spec::ScalarOp op, uint32_t a, uint32_t b, uint32_t rd,
                                         int32_t constant = 0, Times times = Times::kOne) {
    return issue(op, kStepA | kUseB | word(times), a, b, rd, constant);
  }
  /// rd = op(a, b), the same a for all rows; b advances.
  [[gnu::always_inline]] VectorTicket from(spec::ScalarOp op, uint32_t a, uint32_t b, uint32_t rd,
                                           int32_t constant = 0, Times times = Times::kOne) {
    return issue(op, kUseB | kStepB | word(times), a, b, rd, constant);
  }

 private:
  static constexpr uint32_t kUseB = fields::scalar::kUseB.mask();
  static constexpr uint32_t kStepA = fields::scalar::kStepA.mask();
  static constexpr uint32_t kStepB = fields::scalar::kStepB.mask();
  static constexpr uint32_t word(Times times) {
    return fields::scalar::kTimesB.put(static_cast<uint32_t>(times));
  }

  [[gnu::always_inline]] VectorTicket issue(spec::ScalarOp op, uint32_t flags, uint32_t a,
                                            uint32_t b, uint32_t rd, int32_t constant) {
    spec::ScalarCommand c;
    c.op = id(op);
    c.ra = a;
    c.rb = b;
    c.rd = rd;
    c.constant = static_cast<uint32_t>(constant);
    const spec::CommandWords w = c.pack();
    Bus::write(cmd(0), w.w[0] | flags);
    Bus::write(cmd(2), w.w[2]);
    Bus::write(cmd(3), w.w[3]);
    return units_->issue_same();
  }

  Units* units_;
};

}  // namespace tern::firmware
