// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "spec/generated/spec.hpp"

/// What the requests of the host link are, beside their encoding (docs/fpga.md).
namespace tern::driver {

/// Whether the reply carries what was asked for, so that the request may be repeated at will.
bool reads(spec::LinkOpcode opcode);
bool writes(spec::LinkOpcode opcode);
bool of_registers(spec::LinkOpcode opcode);

/// Bytes of a good reply's payload to a request for `size` bytes.
uint32_t reply_bytes(spec::LinkOpcode opcode, uint32_t size);

/// For messages: "read of register 0x010". `size` in bytes.
std::string describe(spec::LinkOpcode opcode, uint64_t address, uint64_t size);

}  // namespace tern::driver
