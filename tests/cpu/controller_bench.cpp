// SPDX-License-Identifier: Apache-2.0
#include "controller_bench.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace tern::test {
namespace {

/// Bits [low + width - 1 : low] of a wide signal.
template <typename Wide>
uint32_t field(const Wide& wide, unsigned low, unsigned width) {
  uint64_t value = wide[low / 32];
  if (low % 32 + width > 32) value |= uint64_t{wide[low / 32 + 1]} << 32;
  return static_cast<uint32_t>((value >> (low % 32)) & ((uint64_t{1} << width) - 1));
}

uint32_t byte_mask(uint8_t strobe) {
  uint32_t mask = 0;
  for (unsigned i = 0; i < 4; ++i) mask |= (strobe >> i & 1) ? 0xffu << (8 * i) : 0;
  return mask;
}

bool retires(Vcontroller& dut) { return field(dut.retire_o, 178, 1) != 0; }

}  // namespace

std::optional<uint32_t> ScrambledDevice::access(uint32_t addr, uint8_t kind, uint32_t data) {
  // splitmix64's step.
  uint64_t z = state_ + 0x9e3779b97f4a7c15u + (uint64_t{addr} << 32 | data) * 31 + kind;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  state_ = z ^ (z >> 31);
  if (addr & kMmioErrorBit) return std::nullopt;
  return static_cast<uint32_t>(state_);
}

size_t RunResult::find(uint32_t pc) const {
  size_t i = 0;
  while (i < retired.size() && retired[i].pc != pc) ++i;
  return i;
}

std::string describe(const iss::Retired& r) {
  std::string text = fmt::format("pc {:08x} insn {:08x}", r.pc, r.insn);
  if (r.trap) text += fmt::format(" trap {}", static_cast<int>(*r.trap));
  if (r.rd != 0) text += fmt::format(" x{}={:08x}", r.rd, r.rd_data);
  if (r.read_strobe != 0) text += fmt::format(" load {:08x}/{:x}", r.mem_addr, r.read_strobe);
  if (r.write_strobe != 0) {
    text += fmt::format(" store {:08x}/{:x}={:08x}", r.mem_addr, r.write_strobe, r.write_data);
  }
  return text;
}

ControllerBench::ControllerBench(uint64_t seed)
    : dice_(seed),
      iss_(kMap, {.read = [this](uint32_t addr,
                                 uint8_t strobe) { return iss_device_.read(addr, strobe); },
                  .write = [this](uint32_t addr, uint8_t strobe,
                                  uint32_t data) { return iss_device_.write(addr, strobe, data); },
                  .cycle = [this] { return iss_cycle_; }}) {
  // Registers are not reset: give them one state in core and simulator.
  std::vector<uint32_t> clear;
  for (uint32_t rd = 1; rd < 32; ++rd) {
    clear.push_back(rd << 7 | 0x37);
    iss_.set_reg(rd, 0);
  }
  clear.push_back(0x00100073);
  load(clear);
  const RunResult run = this->run();
  if (!run.error.empty()) throw std::runtime_error(run.error);
}

void ControllerBench::load(const std::vector<uint32_t>& program) {
  for (size_t i = 0; i < program.size(); ++i) {
    host_write(kBoot + 4 * static_cast<uint32_t>(i), program[i]);
  }
}

void ControllerBench::fill_data() {
  for (uint32_t i = 0; i < kMap.data.bytes; i += 4) {
    host_write(kData + i, static_cast<uint32_t>(dice_.between(0, 0xffffffff)));
  }
}

void ControllerBench::host_write(uint32_t addr, uint32_t data, uint8_t strobe) {
  dut_->host_valid_i = 1;
  dut_->host_write_i = 1;
  dut_->host_addr_i = addr;
  dut_->host_strobe_i = strobe;
  dut_->host_data_i = data;
  for (int wait = 0; dut_.settle(), !dut_->host_ready_o; ++wait) {
    if (wait == 100) throw std::runtime_error("the host's write is not taken");
    dut_.tick();
  }
  dut_.tick();
  dut_->host_valid_i = 0;
  const uint32_t mask = byte_mask(strobe);
  for (const auto& [window, words] :
       {std::pair{kMap.instr, iss_.instructions()}, std::pair{kMap.data, iss_.data()}}) {
    if (!window.contains(addr)) continue;
    uint32_t& word = words[(addr - window.base) / 4];
    word = (word & ~mask) | (data & mask);
  }
}

std::optional<uint32_t> ControllerBench::host_read(uint32_t addr) {
  dut_->host_valid_i = 1;
  dut_->host_write_i = 0;
  dut_->host_addr_i = addr;
  for (int wait = 0; dut_.settle(), !dut_->host_ready_o; ++wait) {
    if (wait == 100) throw std::runtime_error("the host's read is not taken");
    dut_.tick();
  }
  dut_.tick();
  dut_->host_valid_i = 0;
  if (!dut_->host_done_o) throw std::runtime_error("the host's read is not answered");
  if (dut_->host_error_o) return std::nullopt;
  return dut_->host_data_o;
}

std::string ControllerBench::compare_data() {
  for (uint32_t i = 0; i < kMap.data.bytes / 4; ++i) {
    const auto word = host_read(kData + 4 * i);
    if (word != iss_.data()[i]) {
      return fmt::format("data {:08x}: core {:08x}, simulator {:08x}", kData + 4 * i,
                         word.value_or(0), iss_.data()[i]);
    }
  }
  return "";
}

void ControllerBench::answer_device(double ready) {
  // Without a request the answer is noise, which the core has to ignore.
  dut_->mmio_ready_i = dice_.chance(ready);
  dut_->mmio_data_i = static_cast<uint32_t>(dice_.between(0, 0xffffffff));
  dut_->mmio_error_i = dice_.chance(0.5);
  if (!dut_->mmio_valid_o || !dut_->mmio_ready_i) return;
  ++device_accesses_;
  if (dut_->mmio_write_o) {
    const uint32_t data = dut_->mmio_data_o & byte_mask(dut_->mmio_strobe_o);
    dut_->mmio_error_i = !dut_device_.write(dut_->mmio_addr_o, dut_->mmio_strobe_o, data);
  } else {
    const auto answer = dut_device_.read(dut_->mmio_addr_o, dut_->mmio_strobe_o);
    dut_->mmio_error_i = !answer;
    if (answer) dut_->mmio_data_i = *answer;
  }
}

void ControllerBench::drive_host(double request) {
  if (!host_pending_ && dice_.chance(request)) {
    host_pending_ = true;
    dut_->host_write_i = dice_.chance(0.4);
    dut_->host_addr_i = kData + static_cast<uint32_t>(dice_.between(0, kMap.data.bytes - 1));
    dut_->host_strobe_i = static_cast<uint8_t>(dice_.between(0, 15));
    dut_->host_data_i = static_cast<uint32_t>(dice_.between(0, 0xffffffff));
    if (dice_.chance(0.25)) {
      // The instruction memory: refused while the core runs, harmless when it has just stopped.
      const uint32_t word = static_cast<uint32_t>(dice_.between(0, kMap.instr.bytes / 4 - 1));
      dut_->host_addr_i = kMap.instr.base + 4 * word;
      dut_->host_data_i = iss_.instructions()[word];
    }
  }
  dut_->host_valid_i = host_pending_;
  dut_.settle();
}

void ControllerBench::cycle(const Surroundings& surroundings) {
  dut_.settle();
  answer_device(surroundings.mmio_ready);
  dut_->tape_valid_i = dice_.chance(surroundings.tape_request);
  dut_->tape_addr_i = static_cast<uint16_t>(dice_.between(0, 0xffff));
  drive_host(surroundings.host_request);
  // Of the same words that the core and the host write in this cycle: they come one at a time.
  std::optional<uint32_t> on_tape;
  if (dut_->tape_valid_i && dut_->tape_ready_o) {
    ++tape_reads_;
    on_tape = iss_.data()[dut_->tape_addr_i % kMap.data.bytes / 4];
  }
  const bool taken = host_pending_ && dut_->host_ready_o;
  std::optional<uint32_t> expected;
  if (taken) {
    // The simulator is where the core is: what has left execution has been stepped.
    ++host_accesses_;
    host_pending_ = false;
    if (kMap.data.contains(dut_->host_addr_i)) {
      uint32_t& word = iss_.data()[(dut_->host_addr_i - kData) / 4];
      const uint32_t mask = byte_mask(dut_->host_strobe_i);
      if (dut_->host_write_i) {
        word = (word & ~mask) | (dut_->host_data_i & mask);
      } else {
        expected = word;
      }
    }
  }
  dut_.tick();
  if (on_tape && dut_->tape_data_o != *on_tape) {
    host_error_ = fmt::format("tape read {:04x}: core {:08x}, simulator {:08x}", dut_->tape_addr_i,
                              dut_->tape_data_o, *on_tape);
  }
  if (dut_->host_done_o != taken) host_error_ = "host_done_o without a request, or missing";
  if (expected && (dut_->host_error_o || dut_->host_data_o != *expected)) {
    host_error_ = fmt::format("host read {:08x}: core {:08x}, simulator {:08x}", dut_->host_addr_i,
                              dut_->host_data_o, *expected);
  }
}

iss::Retired ControllerBench::retired_now() {
  const auto& wide = dut_->retire_o;
  iss::Retired retired{.pc = field(wide, 141, 32),
                       .insn = field(wide, 109, 32),
                       .rd = static_cast<uint8_t>(field(wide, 104, 5)),
                       .rd_data = field(wide, 72, 32),
                       .mem_addr = field(wide, 40, 32),
                       .read_strobe = static_cast<uint8_t>(field(wide, 36, 4)),
                       .write_strobe = static_cast<uint8_t>(field(wide, 32, 4)),
                       .write_data = field(wide, 0, 32),
                       .trap = {}};
  if (field(wide, 177, 1)) retired.trap = static_cast<iss::Cause>(field(wide, 173, 4));
  return retired;
}

std::optional<iss::Trap> ControllerBench::trap_now() {
  if (!dut_->trap_o) return std::nullopt;
  const auto& wide = dut_->trap_info_o;
  return iss::Trap{static_cast<iss::Cause>(field(wide, 64, 4)), field(wide, 32, 32),
                   field(wide, 0, 32)};
}

void ControllerBench::start(uint64_t seed) {
  dut_device_ = iss_device_ = ScrambledDevice(seed);
  host_error_.clear();
  iss_.restart(kBoot);
  dut_->run_i = 0;
  cycle({});
  cycle({});
  dut_->run_i = 1;
}

RunResult ControllerBench::run(const Surroundings& surroundings, size_t max_instructions) {
  // Longer than any instruction: a division, or a device access of the slowest surroundings.
  constexpr uint64_t kPatience = 2000;
  RunResult run;
  start(dice_.between(0, ~uint64_t{0}));
  cycle(surroundings);
  uint64_t last = 0;
  const auto fail = [&](std::string text) {
    run.error = std::move(text);
    run.error += "\n  before:";
    for (size_t i = run.retired.size() - std::min<size_t>(run.retired.size(), 6);
         i < run.retired.size(); ++i) {
      run.error += "\n    " + describe(run.retired[i]);
    }
  };

  // Cycle 0 is the first in which the core runs.
  for (uint64_t now = 1; run.error.empty() && !run.trap; ++now) {
    if (run.retired.size() == max_instructions) dut_->run_i = 0;
    if (run.retired.size() > max_instructions + 3) fail("the core does not stop");
    if (!dut_->run_i && now > last + 4) break;
    cycle(surroundings);
    if (retires(*dut_)) {
      iss_cycle_ = now - 1;
      const iss::Retired core = retired_now();
      const iss::Retired simulator = iss_.step();
      if (core != simulator) {
        fail(fmt::format("cycle {} instruction {}\n  core      {}\n  simulator {}", now,
                         run.retired.size(), describe(core), describe(simulator)));
      }
      run.retired.push_back(core);
      run.cycle.push_back(now);
      last = now;
    }
    if (dut_->run_i) {
      run.trap = trap_now();
      if (run.trap != iss_.trap()) fail("the core's trap is not the simulator's");
    }
    if (!host_error_.empty()) fail(host_error_);
    if (now > last + kPatience) fail("nothing retires");
  }
  if (run.trap && run.error.empty()) {
    for (int i = 0; i < 8; ++i) {
      cycle(surroundings);
      if (retires(*dut_) || trap_now() != run.trap) fail("something happens after the trap");
    }
    if (dut_device_ != iss_device_) fail("the device saw other accesses than the simulator's");
  }
  // What the host still asks for is answered before the next program.
  while (host_pending_) cycle({});
  dut_->host_valid_i = 0;
  dut_->tape_valid_i = 0;
  return run;
}

void ControllerBench::run_and_abandon(uint64_t cycles, const Surroundings& surroundings) {
  start(0);
  for (uint64_t i = 0; i < cycles; ++i) {
    cycle(surroundings);
    if (retires(*dut_)) iss_.step();
  }
  dut_->run_i = 0;
  cycle(surroundings);
  if (retires(*dut_)) iss_.step();
}

}  // namespace tern::test
