// SPDX-License-Identifier: Apache-2.0
#include "iss.hpp"

#include <limits>
#include <utility>

namespace tern::iss {
namespace {

int32_t as_signed(uint32_t value) { return static_cast<int32_t>(value); }

/// Bits [high:low] of a word.
uint32_t bits(uint32_t word, unsigned high, unsigned low) {
  return (word >> low) & ((uint64_t{1} << (high - low + 1)) - 1);
}

/// The low `width` bits of a value as a signed number.
uint32_t sign_extend(uint32_t value, unsigned width) {
  return static_cast<uint32_t>(as_signed(value << (32 - width)) >> (32 - width));
}

uint32_t immediate_i(uint32_t insn) { return sign_extend(insn >> 20, 12); }
uint32_t immediate_s(uint32_t insn) {
  return sign_extend(bits(insn, 31, 25) << 5 | bits(insn, 11, 7), 12);
}
uint32_t immediate_b(uint32_t insn) {
  return sign_extend(bits(insn, 31, 31) << 12 | bits(insn, 7, 7) << 11 | bits(insn, 30, 25) << 5 |
                         bits(insn, 11, 8) << 1,
                     13);
}
uint32_t immediate_j(uint32_t insn) {
  return sign_extend(bits(insn, 31, 31) << 20 | bits(insn, 19, 12) << 12 |
                         bits(insn, 20, 20) << 11 | bits(insn, 30, 21) << 1,
                     21);
}

/// The integer operations of OP and OP-IMM; `alternative` is SUB for ADD and SRA for SRL.
uint32_t alu(unsigned funct3, bool alternative, uint32_t a, uint32_t b) {
  switch (funct3) {
    case 0:
      return alternative ? a - b : a + b;
    case 1:
      return a << (b & 31);
    case 2:
      return as_signed(a) < as_signed(b);
    case 3:
      return a < b;
    case 4:
      return a ^ b;
    case 5:
      return alternative ? static_cast<uint32_t>(as_signed(a) >> (b & 31)) : a >> (b & 31);
    case 6:
      return a | b;
    default:
      return a & b;
  }
}

/// The M extension. Division by zero and overflow are defined, not trapped (volume I, table 7.1).
uint32_t muldiv(unsigned funct3, uint32_t a, uint32_t b) {
  const int64_t sa = as_signed(a), sb = as_signed(b);
  const bool overflow = sa == std::numeric_limits<int32_t>::min() && sb == -1;
  switch (funct3) {
    case 0:
      return a * b;
    case 1:
      return static_cast<uint32_t>((sa * sb) >> 32);
    case 2:
      return static_cast<uint32_t>((sa * static_cast<int64_t>(b)) >> 32);
    case 3:
      return static_cast<uint32_t>((uint64_t{a} * b) >> 32);
    case 4:
      return b == 0 ? ~0u : overflow ? a : static_cast<uint32_t>(sa / sb);
    case 5:
      return b == 0 ? ~0u : a / b;
    case 6:
      return b == 0 ? a : overflow ? 0 : static_cast<uint32_t>(sa % sb);
    default:
      return b == 0 ? a : a % b;
  }
}

bool branch_taken(unsigned funct3, uint32_t a, uint32_t b) {
  switch (funct3) {
    case 0:
      return a == b;
    case 1:
      return a != b;
    case 4:
      return as_signed(a) < as_signed(b);
    case 5:
      return as_signed(a) >= as_signed(b);
    case 6:
      return a < b;
    default:
      return a >= b;
  }
}

/// Bytes of its word that an aligned access of 1, 2 or 4 bytes touches.
uint8_t strobe_of(unsigned bytes, uint32_t addr) {
  return static_cast<uint8_t>(((1u << bytes) - 1) << (addr & 3));
}

/// The bits of the bytes in a strobe.
uint32_t mask_of(uint8_t strobe) {
  uint32_t mask = 0;
  for (unsigned i = 0; i < 4; ++i) mask |= (strobe >> i & 1) ? 0xffu << (8 * i) : 0;
  return mask;
}

}  // namespace

Iss::Iss(const MemoryMap& map, Devices devices)
    : map_(map),
      devices_(std::move(devices)),
      instr_(map.instr.bytes / 4),
      data_(map.data.bytes / 4),
      pc_(map.instr.base) {}

void Iss::restart(uint32_t pc) {
  pc_ = pc;
  instret_ = 0;
  trap_.reset();
}

void Iss::step(Retired& out) {
  out = Retired{};
  out.pc = pc_;
  if (trap_) return;
  if (!execute(out)) {
    out = {.pc = pc_, .insn = out.insn, .trap = trap_->cause};
    return;
  }
  if (out.rd != 0) regs_[out.rd] = out.rd_data;
  if (out.rd == 0) out.rd_data = 0;
  pc_ = next_pc_;
  ++instret_;
}

bool Iss::execute(Retired& out) {
  if (!map_.instr.contains(pc_)) return trap(Cause::kFetchFault, pc_);
  const uint32_t insn = instr_[(pc_ - map_.instr.base) / 4];
  out.insn = insn;
  next_pc_ = pc_ + 4;

  const unsigned funct3 = bits(insn, 14, 12);
  const unsigned funct7 = bits(insn, 31, 25);
  const uint8_t rd = static_cast<uint8_t>(bits(insn, 11, 7));
  const uint32_t a = regs_[bits(insn, 19, 15)];
  const uint32_t b = regs_[bits(insn, 24, 20)];
  const auto illegal = [&] { return trap(Cause::kIllegal, insn); };

  const auto write = [&](uint32_t value) {
    out.rd = rd;
    out.rd_data = value;
    return true;
  };
  const auto jump = [&](uint32_t target) {
    if (target & 3) return trap(Cause::kFetchMisaligned, target);
    next_pc_ = target;
    return true;
  };

  switch (bits(insn, 6, 0)) {
    case 0x37:
      return write(insn & 0xfffff000);  // LUI
    case 0x17:
      return write(pc_ + (insn & 0xfffff000));  // AUIPC
    case 0x6f:                                  // JAL
      write(pc_ + 4);
      return jump(pc_ + immediate_j(insn));
    case 0x67:  // JALR
      if (funct3 != 0) return illegal();
      write(pc_ + 4);
      return jump((a + immediate_i(insn)) & ~1u);
    case 0x63:  // BEQ BNE BLT BGE BLTU BGEU
      if (funct3 == 2 || funct3 == 3) return illegal();
      return branch_taken(funct3, a, b) ? jump(pc_ + immediate_b(insn)) : true;
    case 0x03: {  // LB LH LW LBU LHU
      if (funct3 == 3 || funct3 > 5) return illegal();
      uint32_t value = 0;
      if (!load(funct3, a + immediate_i(insn), out, value)) return false;
      return write(value);
    }
    case 0x23:  // SB SH SW
      if (funct3 > 2) return illegal();
      return store(funct3, a + immediate_s(insn), b, out);
    case 0x13:  // ADDI SLTI SLTIU XORI ORI ANDI SLLI SRLI SRAI
      if (funct3 == 1 && funct7 != 0) return illegal();
      if (funct3 == 5 && funct7 != 0 && funct7 != 0x20) return illegal();
      return write(alu(funct3, funct3 == 5 && funct7 == 0x20, a, immediate_i(insn)));
    case 0x33:  // ADD SUB SLL SLT SLTU XOR SRL SRA OR AND, and the M extension
      if (funct7 == 0x01) return write(muldiv(funct3, a, b));
      if (funct7 == 0x20 && (funct3 == 0 || funct3 == 5)) return write(alu(funct3, true, a, b));
      if (funct7 == 0x00) return write(alu(funct3, false, a, b));
      return illegal();
    case 0x0f:  // FENCE
      return funct3 == 0 || illegal();
    case 0x73:  // ECALL EBREAK CSRR
      if (insn == 0x00000073) return trap(Cause::kEnvironmentCall, 0);
      if (insn == 0x00100073) return trap(Cause::kBreakpoint, pc_);
      // Only the forms that write nothing: CSRRS, CSRRC, CSRRSI, CSRRCI with no bits.
      if ((funct3 & 2) != 0 && bits(insn, 19, 15) == 0) {
        if (const auto value = read_csr(bits(insn, 31, 20))) return write(*value);
      }
      return illegal();
    default:
      return illegal();
  }
}

bool Iss::load(unsigned funct3, uint32_t addr, Retired& out, uint32_t& value) {
  const unsigned bytes = 1u << (funct3 & 3);
  if (addr % bytes != 0) return trap(Cause::kLoadMisaligned, addr);
  out.mem_addr = addr & ~3u;
  out.read_strobe = strobe_of(bytes, addr);
  uint32_t word = 0;
  if (map_.data.contains(addr)) {
    word = data_[(addr - map_.data.base) / 4];
  } else if (map_.mmio.contains(addr)) {
    const auto answer = devices_.read(out.mem_addr, out.read_strobe);
    if (!answer) return trap(Cause::kLoadFault, addr);
    word = *answer;
  } else {
    return trap(Cause::kLoadFault, addr);
  }
  value = word >> (8 * (addr & 3));
  if (bytes < 4)
    value = (funct3 & 4) ? bits(value, 8 * bytes - 1, 0) : sign_extend(value, 8 * bytes);
  return true;
}

bool Iss::store(unsigned funct3, uint32_t addr, uint32_t value, Retired& out) {
  const unsigned bytes = 1u << funct3;
  if (addr % bytes != 0) return trap(Cause::kStoreMisaligned, addr);
  out.mem_addr = addr & ~3u;
  out.write_strobe = strobe_of(bytes, addr);
  const uint32_t mask = mask_of(out.write_strobe);
  out.write_data = (value << (8 * (addr & 3))) & mask;
  if (map_.data.contains(addr)) {
    uint32_t& word = data_[(addr - map_.data.base) / 4];
    word = (word & ~mask) | out.write_data;
  } else if (!map_.mmio.contains(addr) ||
             !devices_.write(out.mem_addr, out.write_strobe, out.write_data)) {
    return trap(Cause::kStoreFault, addr);
  }
  return true;
}

std::optional<uint32_t> Iss::read_csr(uint32_t csr) const {
  const uint64_t cycle = devices_.cycle ? devices_.cycle() : instret_;
  switch (csr) {
    case 0xb00:
    case 0xc00:
      return static_cast<uint32_t>(cycle);  // mcycle, cycle
    case 0xb80:
    case 0xc80:
      return static_cast<uint32_t>(cycle >> 32);  // ...h
    case 0xb02:
    case 0xc02:
      return static_cast<uint32_t>(instret_);  // minstret, instret
    case 0xb82:
    case 0xc82:
      return static_cast<uint32_t>(instret_ >> 32);  // ...h
    default:
      return std::nullopt;
  }
}

}  // namespace tern::iss
