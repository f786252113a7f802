// SPDX-License-Identifier: Apache-2.0
#include "random_program.hpp"

#include "assembler.hpp"
#include "controller_bench.hpp"

namespace tern::test {
namespace {

using namespace rv32;

// Registers with a purpose; 1 to 27 hold anything.
constexpr Word kDataBase = 28;  // the middle of the data memory
constexpr Word kMmioBase = 29;
constexpr Word kCounter = 30;  // of the loop
constexpr Word kScratch = 31;  // addresses

using Encode = Word (*)(Word, Word, Word);
constexpr Encode kRegisterOps[] = {add, sub, sll, slt, sltu, xor_, srl, sra, or_, and_};
constexpr Encode kMulOps[] = {mul, mulh, mulhsu, mulhu};
constexpr Encode kDivOps[] = {div, divu, rem, remu};
using EncodeImmediate = Word (*)(Word, Word, int32_t);
constexpr EncodeImmediate kImmediateOps[] = {addi, slti, sltiu, xori, ori, andi};
constexpr EncodeImmediate kShifts[] = {slli, srli, srai};
constexpr EncodeImmediate kBranches[] = {beq, bne, blt, bge, bltu, bgeu};

class Generator {
 public:
  explicit Generator(Dice& dice) : dice_(dice), program_(kBoot) {}

  std::vector<uint32_t> generate(int length) {
    for (Word rd = 1; rd < 28; ++rd) program_.li(rd, interesting_value());
    program_.li(kDataBase, kData + 0x800);
    program_.li(kMmioBase, kMmio);
    program_.li(kCounter, 0);
    program_.li(kScratch, kData);
    while (static_cast<int>(program_.words().size()) < length) item();
    landing(~size_t{0});
    end();
    for (int i = 0; i < 8; ++i) program_.emit(random_word(dice_));
    return program_.words();
  }

 private:
  struct Fixup {
    uint32_t pc;
    size_t items_left;  ///< items to skip before the target
    enum { kBranch, kJal, kJalr } kind;
  };

  template <typename T, size_t n>
  T pick(const T (&choices)[n]) {
    return choices[dice_.between(0, n - 1)];
  }
  /// Few registers are used often, so that hazards are frequent.
  Word any_reg() { return static_cast<Word>(dice_.between(0, dice_.chance(0.7) ? 5 : 27)); }
  int32_t any_imm() { return static_cast<int32_t>(dice_.between(0, 4095)) - 2048; }
  uint32_t interesting_value() {
    const uint32_t corners[] = {0, 1, 0xffffffff, 0x80000000, 0x7fffffff, 0xffff, 0x8000};
    if (dice_.chance(0.4)) return pick(corners) + static_cast<uint32_t>(dice_.between(0, 2)) - 1;
    return static_cast<uint32_t>(dice_.between(0, 0xffffffff)) >> dice_.between(0, 31);
  }

  void arithmetic() {
    switch (dice_.between(0, 11)) {
      case 0:
        program_.emit(lui(any_reg(), interesting_value()));
        break;
      case 1:
        program_.emit(auipc(any_reg(), interesting_value()));
        break;
      case 2:
      case 3:
      case 4:
        program_.emit(pick(kImmediateOps)(any_reg(), any_reg(), any_imm()));
        break;
      case 5:
        program_.emit(
            pick(kShifts)(any_reg(), any_reg(), static_cast<int32_t>(dice_.between(0, 31))));
        break;
      case 6:
      case 7:
        program_.emit(pick(kMulOps)(any_reg(), any_reg(), any_reg()));
        break;
      case 8:
        program_.emit(dice_.chance(0.4) ? pick(kDivOps)(any_reg(), any_reg(), any_reg()) : fence());
        break;
      case 9: {
        const Word counters[] = {0xb00, 0xb02, 0xb80, 0xb82, 0xc00, 0xc02, 0xc80, 0xc82};
        if (dice_.chance(0.3)) program_.emit(csrr(any_reg(), pick(counters)));
        break;
      }
      default:
        program_.emit(pick(kRegisterOps)(any_reg(), any_reg(), any_reg()));
    }
  }

  /// A load or store of any width at base + offset, the offset a multiple of the width.
  void access(Word base, int32_t offset) {
    switch (dice_.between(0, 7)) {
      case 0:
        program_.emit(lb(any_reg(), base, offset));
        break;
      case 1:
        program_.emit(lbu(any_reg(), base, offset));
        break;
      case 2:
        program_.emit(lh(any_reg(), base, offset & ~1));
        break;
      case 3:
        program_.emit(lhu(any_reg(), base, offset & ~1));
        break;
      case 4:
        program_.emit(lw(any_reg(), base, offset & ~3));
        break;
      case 5:
        program_.emit(sb(any_reg(), base, offset));
        break;
      case 6:
        program_.emit(sh(any_reg(), base, offset & ~1));
        break;
      default:
        program_.emit(sw(any_reg(), base, offset & ~3));
        break;
    }
  }

  void memory() {
    const bool near = dice_.chance(0.5);  // a few words, so that loads follow stores to them
    switch (dice_.between(0, 5)) {
      case 0:
        access(kMmioBase, any_imm() & 0x7ff);
        break;
      case 1:  // a computed address
        program_.emit(andi(kScratch, any_reg(), 0x7fc));
        program_.emit(add(kScratch, kScratch, kDataBase));
        access(kScratch, 0);
        break;
      case 2: {  // a loaded address
        const int32_t slot = any_imm() & ~3;
        program_.emit(sw(kDataBase, kDataBase, slot));
        program_.emit(lw(kScratch, kDataBase, slot));
        access(kScratch, any_imm());
        break;
      }
      default:
        access(kDataBase, near ? any_imm() & 15 : any_imm());
    }
  }

  void forward_jump() {
    const size_t skip = dice_.between(0, 4);
    switch (dice_.between(0, 3)) {
      case 0:
        fixups_.push_back({program_.emit(jal(any_reg(), 0)), skip, Fixup::kJal});
        break;
      case 1: {
        program_.emit(auipc(kScratch, 0));
        fixups_.push_back({program_.emit(jalr(any_reg(), kScratch, 0)), skip, Fixup::kJalr});
        break;
      }
      default:
        fixups_.push_back(
            {program_.emit(pick(kBranches)(any_reg(), any_reg(), 0)), skip, Fixup::kBranch});
    }
  }

  /// A loop of up to five turns. Entered in its middle it still ends: the counter is never
  /// negative outside.
  void loop() {
    program_.emit(addi(kCounter, 0, static_cast<int32_t>(dice_.between(1, 5))));
    const uint32_t top = program_.here();
    const int items = static_cast<int>(dice_.between(0, 4));
    for (int i = 0; i < items; ++i) dice_.chance(0.5) ? arithmetic() : memory();
    program_.emit(addi(kCounter, kCounter, -1));
    program_.emit(blt(0, kCounter, static_cast<int32_t>(top - program_.here())));
  }

  void item() {
    landing(1);
    const uint64_t kind = dice_.between(0, 99);
    if (kind < 55) {
      arithmetic();
    } else if (kind < 82) {
      memory();
    } else if (kind < 95) {
      forward_jump();
    } else {
      loop();
    }
  }

  /// Resolves the jumps whose target is here; the others come `items` nearer.
  void landing(size_t items) {
    std::vector<Fixup> open;
    for (Fixup& fixup : fixups_) {
      if (fixup.items_left >= items && items == 1) {
        --fixup.items_left;
        open.push_back(fixup);
        continue;
      }
      const int32_t offset = static_cast<int32_t>(program_.here() - fixup.pc);
      Word& word = program_.at(fixup.pc);
      switch (fixup.kind) {
        case Fixup::kBranch:
          word |= b_type(offset, 0, 0, 0) & ~0x7fu;
          break;
        case Fixup::kJal:
          word |= j_type(offset, 0) & ~0x7fu;
          break;
        // Counted from the AUIPC before; the lowest bit does not count.
        case Fixup::kJalr:
          word |= static_cast<Word>(offset + 4 + (dice_.chance(0.5) ? 1 : 0)) << 20;
          break;
      }
    }
    fixups_ = open;
  }

  void end() {
    const Word ends[] = {ebreak(),
                         ecall(),
                         0,
                         csrr(1, 0x300),
                         lw(1, kDataBase, 2),
                         sh(1, kDataBase, 1),
                         lb(1, 0, 0),
                         sw(1, 0, 64),
                         jal(1, 2),
                         jalr(1, kDataBase, 0),
                         div(1, 2, 3) | 1u << 26};
    const Word end = pick(ends);
    if (dice_.chance(0.2)) {
      // A device answers with an error.
      program_.emit(lui(kScratch, 0x1000));
      program_.emit(srli(kScratch, kScratch, 1));
      program_.emit(or_(kScratch, kScratch, kMmioBase));
      program_.emit(dice_.chance(0.5) ? lw(1, kScratch, 4) : sb(1, kScratch, 3));
    }
    program_.emit(end);
  }

  Dice& dice_;
  Program program_;
  std::vector<Fixup> fixups_;
};

}  // namespace

std::vector<uint32_t> random_program(Dice& dice, int length) {
  return Generator(dice).generate(length);
}

uint32_t random_word(Dice& dice) {
  const uint32_t noise = static_cast<uint32_t>(dice.between(0, 0xffffffff));
  if (dice.chance(0.1)) return noise;
  const Word opcodes[] = {0x37, 0x17, 0x6f, 0x67, 0x63, 0x03, 0x23, 0x13, 0x33, 0x33, 0x13, 0x73};
  uint32_t word = (noise & ~0x7fu) | opcodes[dice.between(0, std::size(opcodes) - 1)];
  if ((word & 0x7f) == 0x33 && dice.chance(0.9)) word &= dice.chance(0.5) ? 0x01ffffff : 0x03ffffff;
  return word;
}

}  // namespace tern::test
