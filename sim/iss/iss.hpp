// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

/// Instruction-set simulator of the controller core: RV32IM, machine mode, no interrupts.
/// Source: The RISC-V Instruction Set Manual, volume I 20191213 (RV32I 2.1, M 2.0) and volume II
/// 20190608 (exception codes, counters).
namespace tern::iss {

/// A window of the address space. `bytes` is a power of two and divides `base`.
struct Window {
  uint32_t base = 0;
  uint64_t bytes = 0;
  bool contains(uint32_t addr) const { return addr - base < bytes; }
};

/// The three windows that the core sees. Instructions are fetched from `instr` only; loads and
/// stores reach `data` and `mmio` only.
struct MemoryMap {
  Window instr{0x0000'0000, 65536};
  Window data{0x1000'0000, 32768};
  Window mmio{0x8000'0000, 0x8000'0000};
};

/// Why an instruction trapped: the codes of mcause.
enum class Cause : uint8_t {
  kFetchMisaligned = 0,
  kFetchFault = 1,
  kIllegal = 2,
  kBreakpoint = 3,
  kLoadMisaligned = 4,
  kLoadFault = 5,
  kStoreMisaligned = 6,
  kStoreFault = 7,
  kEnvironmentCall = 11,
};

struct Trap {
  Cause cause{};
  uint32_t pc = 0;
  uint32_t value = 0;  ///< the address or the instruction word, as mtval
  bool operator==(const Trap&) const = default;
};

/// Device registers. An empty answer, and `false`, is a bus error: the access traps. Addresses are
/// those of words; the strobe tells which bytes of the word are read or written, data is in place.
struct Devices {
  std::function<std::optional<uint32_t>(uint32_t addr, uint8_t strobe)> read;
  std::function<bool(uint32_t addr, uint8_t strobe, uint32_t data)> write;
  std::function<uint64_t()> cycle;  ///< what mcycle reads; without it the instruction count
};

/// What one instruction did.
struct Retired {
  uint32_t pc = 0;
  uint32_t insn = 0;      ///< 0 if the fetch trapped
  uint8_t rd = 0;         ///< 0: no register was written
  uint32_t rd_data = 0;   ///< 0 if rd is 0
  uint32_t mem_addr = 0;  ///< of the word; 0 without an access
  uint8_t read_strobe = 0;
  uint8_t write_strobe = 0;
  uint32_t write_data = 0;  ///< in place; bytes without strobe are 0
  std::optional<Cause> trap;
  bool operator==(const Retired&) const = default;
};

class Iss {
 public:
  Iss(const MemoryMap& map, Devices devices);

  /// Begins at `pc` with the counters at zero; registers and memories keep their values.
  void restart(uint32_t pc);
  /// Executes one instruction. After a trap the simulator stays where it is: restart() goes on.
  Retired step() {
    Retired out;
    step(out);
    return out;
  }
  void step(Retired& out);

  const std::optional<Trap>& trap() const { return trap_; }
  uint32_t pc() const { return pc_; }
  uint64_t instret() const { return instret_; }
  uint32_t reg(unsigned index) const { return regs_[index]; }
  void set_reg(unsigned index, uint32_t value) {
    if (index != 0) regs_[index] = value;
  }
  /// The memories as words, for loading programs and comparing results.
  std::span<uint32_t> instructions() { return instr_; }
  std::span<uint32_t> data() { return data_; }

 private:
  // False: the instruction has trapped.
  bool execute(Retired& out);
  bool load(unsigned funct3, uint32_t addr, Retired& out, uint32_t& value);
  bool store(unsigned funct3, uint32_t addr, uint32_t value, Retired& out);
  std::optional<uint32_t> read_csr(uint32_t csr) const;
  bool trap(Cause cause, uint32_t value) {
    trap_ = {cause, pc_, value};
    return false;
  }

  MemoryMap map_;
  Devices devices_;
  std::vector<uint32_t> instr_;
  std::vector<uint32_t> data_;
  std::array<uint32_t, 32> regs_{};
  uint32_t pc_ = 0;
  uint32_t next_pc_ = 0;
  uint64_t instret_ = 0;
  std::optional<Trap> trap_;
};

}  // namespace tern::iss
