// SPDX-License-Identifier: Apache-2.0
#include "link_opcodes.hpp"

#include <fmt/format.h>

namespace tern::driver {

using spec::LinkOpcode;

bool reads(LinkOpcode opcode) {
  return opcode == LinkOpcode::kReadRegister || opcode == LinkOpcode::kReadMemory ||
         opcode == LinkOpcode::kChecksum;
}
bool writes(LinkOpcode opcode) {
  return opcode == LinkOpcode::kWriteRegister || opcode == LinkOpcode::kWriteMemory;
}
bool of_registers(LinkOpcode opcode) {
  return opcode == LinkOpcode::kReadRegister || opcode == LinkOpcode::kWriteRegister;
}

uint32_t reply_bytes(LinkOpcode opcode, uint32_t size) {
  switch (opcode) {
    case LinkOpcode::kReadRegister:
    case LinkOpcode::kReadMemory:
      return size;
    case LinkOpcode::kChecksum:
      return 4;
    case LinkOpcode::kStatus:
      return 8;
    default:
      return 0;
  }
}

std::string describe(LinkOpcode opcode, uint64_t address, uint64_t size) {
  switch (opcode) {
    case LinkOpcode::kReadRegister:
      return fmt::format("read of register 0x{:03x}", address);
    case LinkOpcode::kWriteRegister:
      return fmt::format("write of register 0x{:03x}", address);
    case LinkOpcode::kWriteMemory:
      return fmt::format("write of {} bytes of memory at 0x{:x}", size, address);
    case LinkOpcode::kReadMemory:
      return fmt::format("read of {} bytes of memory at 0x{:x}", size, address);
    case LinkOpcode::kChecksum:
      return fmt::format("checksum of {} bytes of memory at 0x{:x}", size, address);
    default:
      return "request for the status";
  }
}

}  // namespace tern::driver
