// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "issue/units.hpp"
#include "spec/fit.hpp"
#include "spec/generated/spec.hpp"
#include "spec/numerics/result_bits.hpp"
#include "spec/numerics/scale.hpp"

/// What the firmware keeps of a model: checked descriptors in a compact form, and where everything
/// lies in the chip's buffers.
namespace tern::firmware {

using spec::Scale;

using fit::kMaxGroup;
using fit::kMaxLayers;
using fit::MatrixWords;
using fit::Plan;
using fit::Registers;
using Status = fit::Fit;
using spec::index_of;
using spec::Norm;
using spec::Part;

/// A word of a struct, whatever the types of its fields.
using Word [[gnu::may_alias]] = uint32_t;

/// Addresses are in units of 64 bytes of memory. Those come first: programs take them by the number
/// of the word.
struct Layer {
  spec::ByNorm<uint32_t> gain;
  uint32_t next_gain;  ///< Of the norm behind the layer: the next layer's first, or the head's.
  spec::ByPart<uint32_t> matrix;
  uint32_t k_cache, v_cache, k_scales, v_scales;
  /// Of a unit of the results, after Rope where no norm of heads follows.
  spec::ByPart<Scale> scale;
  spec::ByNorm<int16_t> exponent;

  const Word* words() const { return reinterpret_cast<const Word*>(this); }
};

/// The chip that the firmware runs on. Divisions by C are shifts: the controller has no quick one.
struct Chip : fit::Chip {
  uint32_t columns_log2;

  void read();
  uint32_t tiles(uint32_t n) const { return (n + columns - 1) >> columns_log2; }
  uint32_t beats(uint32_t bytes) const { return tiles(bytes); }
};

struct Model : fit::Sizes {
  bool loaded = false;
  Chip chip;
  uint32_t base;  ///< The image, in units of 64 bytes.

  uint32_t residual_frac, head_shift;
  bool silu;                      ///< The gate; else squared ReLU.
  spec::ResultBits head_bits[2];  ///< Of queries, keys.
  Scale head_root;                ///< sqrt(head_dim)
  Scale eps, score_scale, head_scale;

  uint32_t embedding;  ///< Units from the start of memory.
  int32_t embedding_exponent;
  uint32_t output_gain;
  int32_t output_exponent;
  uint32_t head;
  uint32_t head_row_scales;
  uint32_t rope_table;
  uint32_t key_units, value_units, scale_units;  ///< Of one head's cache, in units of 64 bytes.

  spec::ByPart<MatrixWords> matrix_words;
  Plan plan;
  Registers reg;

  Layer* layer;  ///< [layers], at the start of `room`.
  /// Layers, then their programs.
  static constexpr uint32_t kRoomBytes = 18432;
  alignas(32) unsigned char room[kRoomBytes];
};

/// Takes the model at `base` into `model`, if it can be run.
Status load_model(Units& units, uint32_t base, Model& model);

}  // namespace tern::firmware
