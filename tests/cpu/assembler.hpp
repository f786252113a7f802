// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

/// Encodes RV32IM instructions, one function each. Registers are numbers, offsets are in bytes.
namespace tern::rv32 {

using Word = uint32_t;

constexpr Word r_type(Word funct7, Word rs2, Word rs1, Word funct3, Word rd, Word opcode) {
  return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}
constexpr Word i_type(int32_t imm, Word rs1, Word funct3, Word rd, Word opcode) {
  return static_cast<Word>(imm) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}
constexpr Word s_type(int32_t imm, Word rs2, Word rs1, Word funct3, Word opcode) {
  const Word u = static_cast<Word>(imm);
  return (u >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (u & 0x1f) << 7 | opcode;
}
constexpr Word b_type(int32_t imm, Word rs2, Word rs1, Word funct3) {
  const Word u = static_cast<Word>(imm);
  return (u >> 12 & 1) << 31 | (u >> 5 & 0x3f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 |
         (u >> 1 & 0xf) << 8 | (u >> 11 & 1) << 7 | 0x63;
}
constexpr Word j_type(int32_t imm, Word rd) {
  const Word u = static_cast<Word>(imm);
  return (u >> 20 & 1) << 31 | (u >> 1 & 0x3ff) << 21 | (u >> 11 & 1) << 20 |
         (u >> 12 & 0xff) << 12 | rd << 7 | 0x6f;
}

constexpr Word lui(Word rd, Word upper) { return (upper & 0xfffff000) | rd << 7 | 0x37; }
constexpr Word auipc(Word rd, Word upper) { return (upper & 0xfffff000) | rd << 7 | 0x17; }
constexpr Word jal(Word rd, int32_t offset) { return j_type(offset, rd); }
constexpr Word jalr(Word rd, Word rs1, int32_t imm) { return i_type(imm, rs1, 0, rd, 0x67); }

constexpr Word beq(Word rs1, Word rs2, int32_t offset) { return b_type(offset, rs2, rs1, 0); }
constexpr Word bne(Word rs1, Word rs2, int32_t offset) { return b_type(offset, rs2, rs1, 1); }
constexpr Word blt(Word rs1, Word rs2, int32_t offset) { return b_type(offset, rs2, rs1, 4); }
constexpr Word bge(Word rs1, Word rs2, int32_t offset) { return b_type(offset, rs2, rs1, 5); }
constexpr Word bltu(Word rs1, Word rs2, int32_t offset) { return b_type(offset, rs2, rs1, 6); }
constexpr Word bgeu(Word rs1, Word rs2, int32_t offset) { return b_type(offset, rs2, rs1, 7); }

constexpr Word lb(Word rd, Word rs1, int32_t imm) { return i_type(imm, rs1, 0, rd, 0x03); }
constexpr Word lh(Word rd, Word rs1, int32_t imm) { return i_type(imm, rs1, 1, rd, 0x03); }
constexpr Word lw(Word rd, Word rs1, int32_t imm) { return i_type(imm, rs1, 2, rd, 0x03); }
constexpr Word lbu(Word rd, Word rs1, int32_t imm) { return i_type(imm, rs1, 4, rd, 0x03); }
constexpr Word lhu(Word rd, Word rs1, int32_t imm) { return i_type(imm, rs1, 5, rd, 0x03); }
constexpr Word sb(Word rs2, Word rs1, int32_t imm) { return s_type(imm, rs2, rs1, 0, 0x23); }
constexpr Word sh(Word rs2, Word rs1, int32_t imm) { return s_type(imm, rs2, rs1, 1, 0x23); }
constexpr Word sw(Word rs2, Word rs1, int32_t imm) { return s_type(imm, rs2, rs1, 2, 0x23); }

constexpr Word addi(Word rd, Word rs1, int32_t imm) { return i_type(imm, rs1, 0, rd, 0x13); }
constexpr Word slti(Word rd, Word rs1, int32_t imm) { return i_type(imm, rs1, 2, rd, 0x13); }
constexpr Word sltiu(Word rd, Word rs1, int32_t imm) { return i_type(imm, rs1, 3, rd, 0x13); }
constexpr Word xori(Word rd, Word rs1, int32_t imm) { return i_type(imm, rs1, 4, rd, 0x13); }
constexpr Word ori(Word rd, Word rs1, int32_t imm) { return i_type(imm, rs1, 6, rd, 0x13); }
constexpr Word andi(Word rd, Word rs1, int32_t imm) { return i_type(imm, rs1, 7, rd, 0x13); }
constexpr Word slli(Word rd, Word rs1, int32_t n) { return i_type(n, rs1, 1, rd, 0x13); }
constexpr Word srli(Word rd, Word rs1, int32_t n) { return i_type(n, rs1, 5, rd, 0x13); }
constexpr Word srai(Word rd, Word rs1, int32_t n) { return i_type(0x400 | n, rs1, 5, rd, 0x13); }

constexpr Word add(Word rd, Word rs1, Word rs2) { return r_type(0, rs2, rs1, 0, rd, 0x33); }
constexpr Word sub(Word rd, Word rs1, Word rs2) { return r_type(0x20, rs2, rs1, 0, rd, 0x33); }
constexpr Word sll(Word rd, Word rs1, Word rs2) { return r_type(0, rs2, rs1, 1, rd, 0x33); }
constexpr Word slt(Word rd, Word rs1, Word rs2) { return r_type(0, rs2, rs1, 2, rd, 0x33); }
constexpr Word sltu(Word rd, Word rs1, Word rs2) { return r_type(0, rs2, rs1, 3, rd, 0x33); }
constexpr Word xor_(Word rd, Word rs1, Word rs2) { return r_type(0, rs2, rs1, 4, rd, 0x33); }
constexpr Word srl(Word rd, Word rs1, Word rs2) { return r_type(0, rs2, rs1, 5, rd, 0x33); }
constexpr Word sra(Word rd, Word rs1, Word rs2) { return r_type(0x20, rs2, rs1, 5, rd, 0x33); }
constexpr Word or_(Word rd, Word rs1, Word rs2) { return r_type(0, rs2, rs1, 6, rd, 0x33); }
constexpr Word and_(Word rd, Word rs1, Word rs2) { return r_type(0, rs2, rs1, 7, rd, 0x33); }

constexpr Word mul(Word rd, Word rs1, Word rs2) { return r_type(1, rs2, rs1, 0, rd, 0x33); }
constexpr Word mulh(Word rd, Word rs1, Word rs2) { return r_type(1, rs2, rs1, 1, rd, 0x33); }
constexpr Word mulhsu(Word rd, Word rs1, Word rs2) { return r_type(1, rs2, rs1, 2, rd, 0x33); }
constexpr Word mulhu(Word rd, Word rs1, Word rs2) { return r_type(1, rs2, rs1, 3, rd, 0x33); }
constexpr Word div(Word rd, Word rs1, Word rs2) { return r_type(1, rs2, rs1, 4, rd, 0x33); }
constexpr Word divu(Word rd, Word rs1, Word rs2) { return r_type(1, rs2, rs1, 5, rd, 0x33); }
constexpr Word rem(Word rd, Word rs1, Word rs2) { return r_type(1, rs2, rs1, 6, rd, 0x33); }
constexpr Word remu(Word rd, Word rs1, Word rs2) { return r_type(1, rs2, rs1, 7, rd, 0x33); }

constexpr Word fence() { return 0x0ff0000f; }
constexpr Word ecall() { return 0x00000073; }
constexpr Word ebreak() { return 0x00100073; }
constexpr Word nop() { return addi(0, 0, 0); }
constexpr Word csrr(Word rd, Word csr) { return csr << 20 | 2u << 12 | rd << 7 | 0x73; }

// As the GNU assembler encodes them.
static_assert(addi(1, 2, -3) == 0xffd10093);
static_assert(sub(31, 30, 29) == 0x41df0fb3);
static_assert(sw(5, 6, -4) == 0xfe532e23);
static_assert(beq(1, 2, -8) == 0xfe208ce3);
static_assert(jal(1, 0x800) == 0x001000ef);
static_assert(lui(10, 0x12345000) == 0x12345537);
static_assert(srai(3, 4, 31) == 0x41f25193);
static_assert(mulhu(7, 8, 9) == 0x029433b3);
static_assert(csrr(10, 0xb00) == 0xb0002573);

/// A program under construction, which begins at `base`.
class Program {
 public:
  explicit Program(uint32_t base) : base_(base) {}

  /// Appends an instruction and returns its address.
  uint32_t emit(Word word) {
    words_.push_back(word);
    return base_ + 4 * static_cast<uint32_t>(words_.size() - 1);
  }
  /// Two instructions that set a register to any value.
  void li(Word rd, uint32_t value) {
    emit(lui(rd, value + 0x800));
    emit(addi(rd, rd, static_cast<int32_t>(value << 20) >> 20));
  }
  uint32_t here() const { return base_ + 4 * static_cast<uint32_t>(words_.size()); }
  Word& at(uint32_t pc) { return words_[(pc - base_) / 4]; }
  const std::vector<Word>& words() const { return words_; }

 private:
  uint32_t base_;
  std::vector<Word> words_;
};

}  // namespace tern::rv32
