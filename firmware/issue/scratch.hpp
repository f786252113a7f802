// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus.hpp"
#include "spec/generated/spec.hpp"

/// The controller's own access to the scratchpad and the scalar registers.
namespace tern::firmware {

inline uint32_t read_scratch(uint32_t word) { return Bus::read(spec::mmio::scratch::word(word)); }
inline void write_scratch(uint32_t word, uint32_t value) {
  Bus::write(spec::mmio::scratch::word(word), value);
}
inline uint32_t read_low(uint32_t reg) { return Bus::read(spec::mmio::scalars::lo(reg)); }
inline uint32_t read_high(uint32_t reg) { return Bus::read(spec::mmio::scalars::hi(reg)); }
inline void write_scalar(uint32_t reg, uint32_t low, uint32_t high) {
  Bus::write(spec::mmio::scalars::lo(reg), low);
  Bus::write(spec::mmio::scalars::hi(reg), high);
}

inline void write_scalar(uint32_t reg, spec::ScaleBits s) {
  write_scalar(reg, s.m, static_cast<uint32_t>(s.e));
}

}  // namespace tern::firmware
