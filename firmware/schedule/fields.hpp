// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/generated/spec.hpp"

/// Enumerators as they go into the fields of commands.
namespace tern::firmware {

constexpr uint32_t id(spec::VectorOp op) { return static_cast<uint32_t>(op); }
constexpr uint32_t id(spec::ScalarOp op) { return static_cast<uint32_t>(op); }
constexpr uint32_t id(spec::Reduce reduce) { return static_cast<uint32_t>(reduce); }
constexpr uint32_t id(spec::Dest dest) { return static_cast<uint32_t>(dest); }
constexpr uint32_t id(spec::Format format) { return static_cast<uint32_t>(format); }
constexpr uint32_t id(spec::StoreFormat format) { return static_cast<uint32_t>(format); }
constexpr uint32_t id(spec::Layout layout) { return static_cast<uint32_t>(layout); }

}  // namespace tern::firmware
