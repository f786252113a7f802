// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "spec/generated/spec.hpp"

namespace tern::driver {

/// The bits of the ERROR register in words, "bus_read, illegal_code".
std::string error_names(uint32_t bits);

/// What the first of the bits means and what to do about it.
std::string error_meaning(uint32_t bits);

/// Where and why the controller stopped: mcause, pc, mtval.
std::string describe_trap(uint32_t cause, uint32_t pc, uint32_t value);

/// A FirmwareError with its detail spelled out.
std::string describe_firmware_error(uint32_t code, uint32_t detail);

}  // namespace tern::driver
