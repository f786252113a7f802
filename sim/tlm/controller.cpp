// SPDX-License-Identifier: Apache-2.0
#include "controller.hpp"

#include "chip/controller_map.hpp"

namespace tern::tlm {

Controller::Controller(DeviceBus& bus, Activity& activity, const spec::ChipConfig& chip)
    : bus_(bus),
      activity_(activity),
      memory_access_(chip.small_fabric ? 1 : 0),
      device_read_(chip.small_fabric ? 3 : 1),
      device_write_(chip.small_fabric ? 3 : 0),
      device_answer_(chip.small_fabric ? 2 : 1),
      branch_(chip.small_fabric ? 2 : 1),
      iss_(sim::controller_map(chip),
           {.read = [this](uint32_t addr, uint8_t strobe) -> std::optional<uint32_t> {
              if (strobe != 0xf) return std::nullopt;
              const DeviceBus::Read read = bus_.read(addr - spec::kMmioBase, now_ + device_read_);
              device_ = true;
              device_wait_ = read.wait;
              device_changes_ = read.changes;
              return device_value_ = read.value;
            },
            .write =
                [this](uint32_t addr, uint8_t strobe, uint32_t data) {
                  if (strobe != 0xf) return false;
                  device_ = true;
                  device_wait_ = bus_.write(addr - spec::kMmioBase, data, now_ + device_write_);
                  return true;
                },
            .cycle = [this] { return now_; }}) {}

Controller::Timing Controller::timing_of(uint32_t insn) const {
  Timing t;
  const auto rs1 = static_cast<uint8_t>(insn >> 15 & 31);
  const auto rs2 = static_cast<uint8_t>(insn >> 20 & 31);
  const uint32_t funct3 = insn >> 12 & 7;
  switch (insn & 0x7f) {
    case 0x6f:  // JAL
      t.is_jump = true;
      break;
    case 0x67:  // JALR
      t.is_jump = true;
      t.rs1 = rs1;
      break;
    case 0x63:  // branches
      t.is_branch = true;
      t.rs1 = rs1;
      t.rs2 = rs2;
      break;
    case 0x03:  // loads
      t.is_load = true;
      t.rs1 = rs1;
      break;
    case 0x23:  // stores
      t.is_store = true;
      t.rs1 = rs1;
      t.rs2 = rs2;
      break;
    case 0x13:  // OP-IMM
      t.rs1 = rs1;
      break;
    case 0x33:  // OP and the M extension
      t.rs1 = rs1;
      t.rs2 = rs2;
      if (insn >> 25 == 1) {
        t.is_multiply = funct3 < 4;
        t.is_divide = !t.is_multiply;
        t.cycles = t.is_divide ? 34 : 3;
      }
      break;
    default:
      break;
  }
  if (t.is_jump) t.cycles = static_cast<uint8_t>(1 + branch_);
  return t;
}

void Controller::start(Cycle at) {
  timing_.clear();
  for (uint32_t insn : iss_.instructions()) timing_.push_back(timing_of(insn));
  iss_.restart(0);
  running_ = true;
  loaded_ = 0;
  poll_.valid = false;
  now_ = std::max(now_, at);
}

void Controller::step() {
  const uint32_t pc = iss_.pc();
  const Timing t = pc / 4 < timing_.size() ? timing_[pc / 4] : Timing{};
  if (loaded_ != 0 && (loaded_ == t.rs1 || loaded_ == t.rs2)) ++now_;
  device_ = false;
  const Cycle at = now_;
  iss_.step(retired_);
  ++activity_.instructions;
  now_ += t.cycles;
  if ((t.is_load || t.is_store) && !device_) {
    bus_.access_memory(at + memory_access_);
    now_ += memory_access_;
  }
  loaded_ = 0;
  if (t.is_branch) {
    if (iss_.pc() != pc + 4) now_ += branch_;
  } else if (t.is_load) {
    loaded_ = retired_.rd;
    if (device_) {
      ++activity_.device_reads;
      now_ += device_read_ + device_answer_ - 1 + device_wait_;
      activity_.controller_stalls += device_wait_;
      skip(pc, device_value_);
    } else {
      ++activity_.controller_loads;
    }
  } else if (t.is_store) {
    poll_.valid = false;
    if (device_) {
      ++activity_.device_writes;
      now_ += device_write_ + device_answer_ - 1 + device_wait_;
      activity_.controller_stalls += device_wait_;
    } else {
      ++activity_.controller_stores;
    }
  } else if (t.is_multiply) {
    ++activity_.controller_multiplies;
  } else if (t.is_divide) {
    ++activity_.controller_divides;
  }
}

/// The instruction at `pc` has read `value` from a device, and now_ lies behind it.
void Controller::skip(uint32_t pc, uint32_t value) {
  if (poll_.valid && poll_.pc == pc && poll_.value == value) {
    const Cycle round = now_ - poll_.at;
    activity_.controller_polls += round - device_wait_;
    // The next read of the round to come is on the bus a round after this one.
    const Cycle until = std::min(device_changes_, end_ + round);
    const Cycle read_at = now_ - device_answer_ - device_wait_;
    if (until > read_at + 1) {
      const uint64_t rounds = (until - 1 - read_at) / round;
      for (unsigned i = 1; i < 32; ++i) {
        const uint32_t step = iss_.reg(i) - poll_.regs[i];
        if (step != 0) iss_.set_reg(i, iss_.reg(i) + step * static_cast<uint32_t>(rounds));
      }
      now_ += rounds * round;
      activity_.controller_polls += rounds * (round - device_wait_);
      activity_.controller_stalls += rounds * device_wait_;
      activity_.instructions += rounds * (activity_.instructions - poll_.instructions);
      activity_.device_reads += rounds;
    }
  }
  poll_ = {true, pc, value, now_, activity_.instructions, {}};
  for (unsigned i = 1; i < 32; ++i) poll_.regs[i] = iss_.reg(i);
}

}  // namespace tern::tlm
