// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "schedule/schedule.hpp"

/// What both blocks of a layer do around a matrix.
namespace tern::firmware {

/// A norm: x [rows][n] times a gain, quantised into the activation columns.
struct NormInput {
  uint32_t x, x_stride, n;
  uint32_t z, z_stride;
  uint32_t gain;
  uint32_t x_max, size;  ///< Scalar registers: largest magnitude of each row; n.
  uint32_t limit;        ///< Scalar register: kActMax in units of the gain.
  LoadTicket gain_loaded;
  bool of_slot = false;  ///< x has a row for each slot, and this is the norm of one of them.
};
struct NormTickets {
  VectorTicket gain_read;
  VectorTicket quantised;
};

/// The residual stream's norm, with its result at z. Its gain was loaded before the block.
NormInput residual_norm(const Scope& s, uint32_t z, uint32_t limit);
NormTickets normalise(Scope& s, const NormInput& in);
/// Quantised, behind the norm if the model has it.
VectorTicket quantise_inner(Scope& s, const NormInput& in, Norm norm);

/// The mean of squares, but for the unit of x; not on the way to the next matrix. This and the
/// scales that follow are spec::norm_scale().
void sum_squares(Scope& s, const NormInput& in);
/// Scale of a quantised norm of the residual stream, whose unit is a power of two: its products
/// are exact, so they are shifts.
void residual_scale(Scope& s, const NormInput& in);
/// Scale of what quantise_inner() made. The units, registers from sub_unit on, are too small by
/// 2^constant and by the shifts in the registers from `shift` on, if any.
inline constexpr uint32_t kNoRegister = ~0u;
void inner_scale(Scope& s, const NormInput& in, Norm norm, uint32_t shift, int32_t constant);

LoadTicket load_gain(Scope& s, const uint32_t& address, uint32_t n, uint32_t dst,
                     VectorTicket read);
/// The gain of an inner norm, if the model has it. Its place was read before the matrices that are
/// ahead of this in the queue.
LoadTicket load_sub_gain(Scope& s, Norm norm, uint32_t n);

MatmulTicket multiply(Scope& s, Part part, uint32_t dst, uint32_t stride, uint32_t max_reg,
                      VectorTicket inputs);
/// residual += results at `from`. The factors are there before the results are.
void add_to_residual(Scope& s, Part part, uint32_t from, MatmulTicket results);

}  // namespace tern::firmware
