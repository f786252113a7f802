// SPDX-License-Identifier: Apache-2.0
// Every instruction of RV32IM with corner operands. What each must give is computed here, in plain
// C++ or written by hand, apart from both the core and the simulator.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "assembler.hpp"
#include "controller_bench.hpp"

namespace tern::test {
namespace {

using rv32::Program;
using rv32::Word;

constexpr uint32_t kMin = 0x8000'0000;
const std::vector<uint32_t> kCorners = {
    0,          1,          2,          3,          7,          31,         32,         33,
    0x7ff,      0x800,      0xffff,     0x10000,    0x12345678, 0x55555555, 0x7fffffff, kMin,
    0x80000001, 0xaaaaaaaa, 0xfffff800, 0xffff0000, 0xfffffffe, 0xffffffff};
const std::vector<int32_t> kImmediates = {0, 1, -1, 2, 31, 0x7ff, -0x800, 0x555, -0x556};

/// A program together with what some of its instructions have to write to rd.
class CheckedProgram {
 public:
  Program code{kBoot};

  void expect(uint32_t pc, uint32_t value, std::string what) {
    expectations_.push_back({pc, value, std::move(what)});
  }

  void run() {
    code.emit(rv32::ebreak());
    ControllerBench bench;
    bench.load(code.words());
    const RunResult run = bench.run();
    ASSERT_EQ(run.error, "");
    for (const auto& [pc, value, what] : expectations_) {
      const size_t i = run.find(pc);
      ASSERT_LT(i, run.retired.size()) << what << " was not executed";
      ASSERT_EQ(run.retired[i].rd_data, value) << what << ": " << describe(run.retired[i]);
    }
    ASSERT_EQ(run.trap->cause, iss::Cause::kBreakpoint);
  }

 private:
  struct Expectation {
    uint32_t pc;
    uint32_t value;
    std::string what;
  };
  std::vector<Expectation> expectations_;
};

int32_t s(uint32_t x) { return static_cast<int32_t>(x); }
uint32_t u(int64_t x) { return static_cast<uint32_t>(x); }
/// floor(a / 2^32) of an exact product.
uint32_t upper(__int128 product) { return static_cast<uint32_t>(product >> 32); }
/// 2^n by doubling, so that no shift is checked by a shift.
uint64_t power(uint32_t n) {
  uint64_t p = 1;
  while (n-- > 0) p *= 2;
  return p;
}
/// a / 2^n rounded down, for a of either sign.
int64_t floor_div(int64_t a, uint64_t d) {
  const int64_t q = a / static_cast<int64_t>(d);
  return a % static_cast<int64_t>(d) < 0 ? q - 1 : q;
}

struct RegisterOp {
  const char* name;
  Word (*encode)(Word, Word, Word);
  std::function<uint32_t(uint32_t, uint32_t)> expected;
};

const RegisterOp kRegisterOps[] = {
    {"add", rv32::add, [](uint32_t a, uint32_t b) { return u(int64_t{a} + int64_t{b}); }},
    {"sub", rv32::sub, [](uint32_t a, uint32_t b) { return u(int64_t{a} - int64_t{b}); }},
    {"sll", rv32::sll, [](uint32_t a, uint32_t b) { return u(int64_t(a * power(b % 32))); }},
    {"slt", rv32::slt, [](uint32_t a, uint32_t b) { return u(s(a) < s(b)); }},
    {"sltu", rv32::sltu, [](uint32_t a, uint32_t b) { return u(a < b); }},
    {"xor", rv32::xor_, [](uint32_t a, uint32_t b) { return (a | b) & ~(a & b); }},
    {"srl", rv32::srl, [](uint32_t a, uint32_t b) { return u(int64_t(a / power(b % 32))); }},
    {"sra", rv32::sra, [](uint32_t a, uint32_t b) { return u(floor_div(s(a), power(b % 32))); }},
    {"or", rv32::or_, [](uint32_t a, uint32_t b) { return ~(~a & ~b); }},
    {"and", rv32::and_, [](uint32_t a, uint32_t b) { return ~(~a | ~b); }},
    {"mul", rv32::mul, [](uint32_t a, uint32_t b) { return uint32_t(uint64_t{a} * b); }},
    {"mulh", rv32::mulh, [](uint32_t a, uint32_t b) { return upper(__int128{s(a)} * s(b)); }},
    {"mulhsu", rv32::mulhsu, [](uint32_t a, uint32_t b) { return upper(__int128{s(a)} * b); }},
    {"mulhu", rv32::mulhu, [](uint32_t a, uint32_t b) { return upper(__int128{a} * b); }},
    {"div", rv32::div,
     [](uint32_t a, uint32_t b) { return b ? u(int64_t{s(a)} / s(b)) : 0xffffffffu; }},
    {"divu", rv32::divu, [](uint32_t a, uint32_t b) { return b ? a / b : 0xffffffffu; }},
    {"rem", rv32::rem, [](uint32_t a, uint32_t b) { return b ? u(int64_t{s(a)} % s(b)) : a; }},
    {"remu", rv32::remu, [](uint32_t a, uint32_t b) { return b ? a % b : a; }},
};

class RegisterInstruction : public testing::TestWithParam<RegisterOp> {};

TEST_P(RegisterInstruction, GivesTheExactResultForCornerOperands) {
  const RegisterOp& op = GetParam();
  CheckedProgram program;
  for (const uint32_t a : kCorners) {
    program.code.li(5, a);
    for (const uint32_t b : kCorners) {
      program.code.li(6, b);
      const uint32_t pc = program.code.emit(op.encode(7, 5, 6));
      program.expect(pc, op.expected(a, b), fmt::format("{} {:#x}, {:#x}", op.name, a, b));
      // Once more with operands that are not forwarded.
      const uint32_t again = program.code.emit(op.encode(8, 5, 6));
      program.expect(again, op.expected(a, b), fmt::format("{} {:#x}, {:#x}", op.name, a, b));
    }
  }
  program.run();
}

INSTANTIATE_TEST_SUITE_P(Rv32im, RegisterInstruction, testing::ValuesIn(kRegisterOps),
                         [](const auto& info) { return std::string(info.param.name); });

struct ImmediateOp {
  const char* name;
  Word (*encode)(Word, Word, int32_t);
  std::function<uint32_t(uint32_t, int32_t)> expected;
  bool shift = false;
};

const ImmediateOp kImmediateOps[] = {
    {"addi", rv32::addi, [](uint32_t a, int32_t i) { return u(int64_t{a} + i); }},
    {"slti", rv32::slti, [](uint32_t a, int32_t i) { return u(s(a) < i); }},
    {"sltiu", rv32::sltiu, [](uint32_t a, int32_t i) { return u(a < u(i)); }},
    {"xori", rv32::xori, [](uint32_t a, int32_t i) { return (a | u(i)) & ~(a & u(i)); }},
    {"ori", rv32::ori, [](uint32_t a, int32_t i) { return ~(~a & ~u(i)); }},
    {"andi", rv32::andi, [](uint32_t a, int32_t i) { return ~(~a | ~u(i)); }},
    {"slli", rv32::slli, [](uint32_t a, int32_t n) { return u(int64_t(a * power(n))); }, true},
    {"srli", rv32::srli, [](uint32_t a, int32_t n) { return u(int64_t(a / power(n))); }, true},
    {"srai", rv32::srai, [](uint32_t a, int32_t n) { return u(floor_div(s(a), power(n))); }, true},
};

class ImmediateInstruction : public testing::TestWithParam<ImmediateOp> {};

TEST_P(ImmediateInstruction, GivesTheExactResultForCornerOperands) {
  const ImmediateOp& op = GetParam();
  std::vector<int32_t> immediates = kImmediates;
  if (op.shift) {
    immediates.resize(32);
    for (int32_t n = 0; n < 32; ++n) immediates[n] = n;
  }
  CheckedProgram program;
  for (const uint32_t a : kCorners) {
    program.code.li(5, a);
    for (const int32_t i : immediates) {
      const uint32_t pc = program.code.emit(op.encode(7, 5, i));
      program.expect(pc, op.expected(a, i), fmt::format("{} {:#x}, {}", op.name, a, i));
    }
  }
  program.run();
}

INSTANTIATE_TEST_SUITE_P(Rv32im, ImmediateInstruction, testing::ValuesIn(kImmediateOps),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(DivideInstruction, GivesTheSpecifiedResultsOfItsCornerCases) {
  // dividend, divisor, div, rem, divu, remu
  const uint32_t table[][6] = {
      {0, 0, 0xffffffff, 0, 0xffffffff, 0},
      {5, 0, 0xffffffff, 5, 0xffffffff, 5},
      {0xfffffffb, 0, 0xffffffff, 0xfffffffb, 0xffffffff, 0xfffffffb},
      {0x80000000, 0, 0xffffffff, 0x80000000, 0xffffffff, 0x80000000},
      {0x80000000, 0xffffffff, 0x80000000, 0, 0, 0x80000000},
      {0x80000000, 1, 0x80000000, 0, 0x80000000, 0},
      {7, 2, 3, 1, 3, 1},
      {0xfffffff9, 2, 0xfffffffd, 0xffffffff, 0x7ffffffc, 1},  // -7 / 2 = -3 rem -1
      {7, 0xfffffffe, 0xfffffffd, 1, 0, 7},                    // 7 / -2 = -3 rem 1
      {0xfffffff9, 0xfffffffe, 3, 0xffffffff, 0, 0xfffffff9},  // -7 / -2 = 3 rem -1
      {0x7fffffff, 0x80000000, 0, 0x7fffffff, 0, 0x7fffffff},
  };
  CheckedProgram program;
  for (const auto& row : table) {
    program.code.li(5, row[0]);
    program.code.li(6, row[1]);
    Word (*const ops[])(Word, Word, Word) = {rv32::div, rv32::rem, rv32::divu, rv32::remu};
    for (int i = 0; i < 4; ++i) {
      const uint32_t pc = program.code.emit(ops[i](7, 5, 6));
      program.expect(pc, row[2 + i], fmt::format("case {} of {:#x} and {:#x}", i, row[0], row[1]));
    }
  }
  program.run();
}

TEST(MultiplyInstruction, GivesHandComputedUpperHalves) {
  // a, b, mulh, mulhsu, mulhu
  const uint32_t table[][5] = {
      {0xffffffff, 0xffffffff, 0, 0xffffffff, 0xfffffffe},
      {0x80000000, 0x80000000, 0x40000000, 0xc0000000, 0x40000000},
      {0x80000000, 0xffffffff, 0, 0x80000000, 0x7fffffff},
      {0xffffffff, 0x80000000, 0, 0xffffffff, 0x7fffffff},
      {0x7fffffff, 0x7fffffff, 0x3fffffff, 0x3fffffff, 0x3fffffff},
      {2, 0x80000000, 0xffffffff, 1, 1},
  };
  CheckedProgram program;
  for (const auto& row : table) {
    program.code.li(5, row[0]);
    program.code.li(6, row[1]);
    Word (*const ops[])(Word, Word, Word) = {rv32::mulh, rv32::mulhsu, rv32::mulhu};
    for (int i = 0; i < 3; ++i) {
      const uint32_t pc = program.code.emit(ops[i](7, 5, 6));
      program.expect(pc, row[2 + i], fmt::format("case {} of {:#x} and {:#x}", i, row[0], row[1]));
    }
  }
  program.run();
}

TEST(UpperImmediateInstruction, LuiAndAuipcShiftByTwelveBits) {
  CheckedProgram program;
  for (const uint32_t upper : {0u, 0x1000u, 0x7ffff000u, 0x80000000u, 0xfffff000u, 0x12345000u}) {
    program.expect(program.code.emit(rv32::lui(7, upper)), upper, "lui");
    const uint32_t pc = program.code.emit(rv32::auipc(7, upper));
    program.expect(pc, pc + upper, "auipc");
  }
  program.run();
}

TEST(CpuRegisterZero, IsNeverWrittenNorForwarded) {
  CheckedProgram program;
  program.code.li(5, 0x1234);
  program.code.li(6, kData);
  program.code.emit(rv32::sw(5, 6, 0));
  for (const Word writes_zero :
       {rv32::addi(0, 5, 1), rv32::lw(0, 6, 0), rv32::mul(0, 5, 5), rv32::lui(0, 0x5000)}) {
    program.code.emit(writes_zero);
    program.expect(program.code.emit(rv32::add(7, 0, 5)), 0x1234, "add x7, x0, x5");
    program.code.emit(writes_zero);
    program.expect(program.code.emit(rv32::or_(7, 0, 0)), 0, "or x7, x0, x0");
  }
  program.run();
}

TEST(FenceInstruction, DoesNothing) {
  CheckedProgram program;
  program.code.li(5, 77);
  program.expect(program.code.emit(rv32::fence()), 0, "fence");
  program.code.emit(0x8330000f);  // fence.tso
  program.expect(program.code.emit(rv32::addi(7, 5, 1)), 78, "addi");
  program.run();
}

struct BranchOp {
  const char* name;
  Word (*encode)(Word, Word, int32_t);
  bool (*taken)(uint32_t, uint32_t);
};

const BranchOp kBranches[] = {
    {"beq", rv32::beq, [](uint32_t a, uint32_t b) { return (a ^ b) == 0; }},
    {"bne", rv32::bne, [](uint32_t a, uint32_t b) { return (a ^ b) != 0; }},
    {"blt", rv32::blt, [](uint32_t a, uint32_t b) { return int64_t{s(a)} - s(b) < 0; }},
    {"bge", rv32::bge, [](uint32_t a, uint32_t b) { return int64_t{s(a)} - s(b) >= 0; }},
    {"bltu", rv32::bltu, [](uint32_t a, uint32_t b) { return int64_t{a} - b < 0; }},
    {"bgeu", rv32::bgeu, [](uint32_t a, uint32_t b) { return int64_t{a} - b >= 0; }},
};

class BranchInstruction : public testing::TestWithParam<BranchOp> {};

TEST_P(BranchInstruction, IsTakenWhenItsComparisonHolds) {
  const BranchOp& op = GetParam();
  CheckedProgram program;
  for (const uint32_t a : kCorners) {
    program.code.li(5, a);
    for (const uint32_t b : kCorners) {
      program.code.li(6, b);
      program.code.emit(rv32::addi(7, 0, 1));
      program.code.emit(op.encode(5, 6, 8));
      program.code.emit(rv32::addi(7, 0, 0));
      const uint32_t pc = program.code.emit(rv32::addi(8, 7, 0));
      program.expect(pc, op.taken(a, b), fmt::format("{} {:#x}, {:#x}", op.name, a, b));
    }
  }
  program.run();
}

INSTANTIATE_TEST_SUITE_P(Rv32im, BranchInstruction, testing::ValuesIn(kBranches),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(BranchDistance, ReachTargetsNearAndFarInBothDirections) {
  // Each distance: out to there, and back from there.
  for (const int32_t distance : {12, 16, 2044, 4092}) {
    CheckedProgram program;
    const uint32_t out = program.code.emit(rv32::beq(0, 0, distance));
    const uint32_t landed = program.code.emit(rv32::addi(9, 9, 5));
    program.code.emit(rv32::ebreak());
    while (program.code.here() < out + distance) program.code.emit(rv32::ecall());
    program.code.emit(rv32::bne(9, 9, 8));
    const int32_t back = static_cast<int32_t>(landed - program.code.here());
    program.code.emit(rv32::bgeu(0, 0, back));
    program.expect(landed, 5, "the branch back");
    program.run();
  }
  for (const int32_t distance : {12, 2048, 4096, 8192, 12288}) {
    CheckedProgram program;
    const uint32_t out = program.code.emit(rv32::jal(1, distance));
    program.expect(out, out + 4, "the link of jal");
    const uint32_t landed = program.code.emit(rv32::addi(9, 9, 5));
    program.code.emit(rv32::ebreak());
    while (program.code.here() < out + distance) program.code.emit(rv32::ecall());
    const uint32_t there = program.code.here();
    program.code.emit(rv32::jal(2, static_cast<int32_t>(landed - there)));
    program.expect(there, there + 4, "the link of jal");
    program.expect(landed, 5, "the jump back");
    program.run();
  }
}

TEST(JalrInstruction, AddsItsOffsetAndClearsTheLowestBit) {
  for (const int32_t imm : {0, 1, 4, -4, 2047, -2048, -2047}) {
    CheckedProgram program;
    const uint32_t target = kBoot + 64;
    program.code.li(5, target - static_cast<uint32_t>(imm) + (imm & 1));
    // rd = rs1: the target is taken before the link is written.
    const uint32_t pc = program.code.emit(rv32::jalr(5, 5, imm));
    program.expect(pc, pc + 4, "the link of jalr");
    while (program.code.here() < target) program.code.emit(rv32::ecall());
    program.expect(program.code.emit(rv32::addi(6, 5, 0)), pc + 4, "the link, read");
    program.run();
  }
}

struct LoadOp {
  const char* name;
  Word (*encode)(Word, Word, int32_t);
  uint32_t bytes;
  bool is_signed;
};

const LoadOp kLoads[] = {{"lb", rv32::lb, 1, true},
                         {"lh", rv32::lh, 2, true},
                         {"lw", rv32::lw, 4, false},
                         {"lbu", rv32::lbu, 1, false},
                         {"lhu", rv32::lhu, 2, false}};

TEST(LoadInstruction, TakeEveryWidthAtEveryOffsetWithItsSign) {
  const uint8_t bytes[] = {0x01, 0x7f, 0x80, 0xff, 0xfe, 0x00, 0x34, 0x92};
  CheckedProgram program;
  program.code.li(5, kData + 0x100);
  for (int i = 0; i < 8; ++i) {
    program.code.emit(rv32::addi(6, 0, bytes[i]));
    program.code.emit(rv32::sb(6, 5, i - 4));
  }
  for (const LoadOp& op : kLoads) {
    for (uint32_t at = 0; at < 8; at += op.bytes) {
      int64_t value = 0;
      for (uint32_t i = op.bytes; i-- > 0;) value = value * 256 + bytes[at + i];
      const int64_t full = int64_t(power(8 * op.bytes));
      if (op.is_signed && value >= full / 2) value -= full;
      const uint32_t pc = program.code.emit(op.encode(7, 5, static_cast<int32_t>(at) - 4));
      program.expect(pc, u(value), fmt::format("{} at {}", op.name, at));
      // The next instruction needs the value at once.
      program.expect(program.code.emit(rv32::addi(8, 7, 0)), u(value), "its use");
    }
  }
  program.run();
}

TEST(StoreInstruction, WriteTheirBytesAndNoOthers) {
  struct {
    Word (*encode)(Word, Word, int32_t);
    uint32_t bytes;
  } const stores[] = {{rv32::sb, 1}, {rv32::sh, 2}, {rv32::sw, 4}};
  for (const auto& store : stores) {
    for (uint32_t at = 0; at < 8; at += store.bytes) {
      ControllerBench bench;
      bench.host_write(kData + 0x7f8, 0x33221100);
      bench.host_write(kData + 0x7fc, 0x77665544);
      Program program(kBoot);
      program.li(5, kData + 0x800);
      program.li(6, 0xd4c3b2a1);
      program.emit(store.encode(6, 5, static_cast<int32_t>(at) - 8));
      program.emit(rv32::ebreak());
      bench.load(program.words());
      ASSERT_EQ(bench.run().error, "");
      uint64_t expected = 0x7766554433221100;
      for (uint32_t i = 0; i < store.bytes; ++i) {
        const uint64_t byte = 0xd4c3b2a1u / power(8 * i) % 256;
        expected += (byte - expected / power(8 * (at + i)) % 256) * power(8 * (at + i));
      }
      EXPECT_EQ(bench.host_read(kData + 0x7f8), uint32_t(expected)) << store.bytes << " at " << at;
      EXPECT_EQ(bench.host_read(kData + 0x7fc), uint32_t(expected / power(32)));
    }
  }
}

TEST(CpuCounters, CountCyclesAndInstructions) {
  CheckedProgram program;
  program.expect(program.code.emit(rv32::csrr(5, 0xb02)), 0, "minstret");
  const uint32_t first = program.code.emit(rv32::csrr(6, 0xb00));
  program.code.emit(rv32::nop());
  const uint32_t cycle = program.code.emit(rv32::csrr(7, 0xc00));
  program.expect(program.code.emit(rv32::sub(8, 7, 6)), 2, "cycles of two instructions");
  program.expect(program.code.emit(rv32::csrr(9, 0xc02)), 5, "instret");
  for (const Word high : {0xb80, 0xb82, 0xc80, 0xc82}) {
    program.expect(program.code.emit(rv32::csrr(9, high)), 0, "a high half");
  }
  program.expect(program.code.emit(rv32::csrr(9, 0xb02) | 1u << 12), 10, "csrrc");
  program.expect(program.code.emit(rv32::csrr(9, 0xb02) | 4u << 12), 11, "csrrsi");
  program.expect(cycle, TERN_SMALL_FABRIC ? 5 : 4, "cycle");
  program.expect(first, TERN_SMALL_FABRIC ? 3 : 2, "mcycle");
  program.run();
}

}  // namespace
}  // namespace tern::test
