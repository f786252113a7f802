// SPDX-License-Identifier: Apache-2.0
#include "device_bus.hpp"

#include <algorithm>
#include <cstring>

#include "io/error.hpp"
#include "spec/config_words.hpp"

namespace tern::tlm {

namespace mmio = spec::mmio;
namespace reg = spec::reg;

namespace {

// Beyond the shortest access: the windows' data come so many cycles later.
constexpr Cycle kTopListWait = 1;
constexpr Cycle kScalarWait = 1;
constexpr Cycle kScratchWait = 2;

/// What waits while a tape is played.
bool is_of_player(uint32_t offset) {
  return offset <= mmio::kIssue || offset == mmio::kTape || offset == mmio::kTapeWaits;
}

bool inside(uint32_t offset, uint32_t base, uint32_t bytes) { return offset - base < bytes; }

}  // namespace

uint32_t DeviceBus::config_word(uint32_t offset) const {
  const spec::ConfigWords words = spec::config_words(config_.chip);
  if (offset == mmio::kConfig) return words.config;
  return offset == mmio::kConfig2 ? words.config2 : words.config3;
}

/// The latest LOAD that brought the word, else 0.
uint32_t DeviceBus::scratch(uint32_t word) const {
  if (weights_.n > 0 && inside(word, weights_.dst, weights_.n)) return weight(word - weights_.dst);
  for (uint64_t i = 0; i < std::min<uint64_t>(loads_, loaded_.size()); ++i) {
    const spec::LoadCommand& c = loaded_[(loads_ - 1 - i) % loaded_.size()].command;
    if (!inside(word, c.dst, c.count)) continue;
    const uint64_t first = uint64_t{c.read_addr} * spec::kAddrUnit;
    const uint32_t index = word - c.dst;
    if (static_cast<spec::Format>(c.format) == spec::Format::kHalf) {
      int16_t half = 0;
      memory_.read(first + 2 * index, std::as_writable_bytes(std::span(&half, 1)));
      return static_cast<uint32_t>(int32_t{half});
    }
    uint32_t value = 0;
    memory_.read(first + 4 * index, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  return 0;
}

DeviceBus::Read DeviceBus::read(uint32_t offset, Cycle at) {
  if (is_of_player(offset) && player_.busy()) {
    if (const Cycle played = player_.finish(); played > at) {
      Read read = this->read(offset, played);
      read.wait += played - at;
      return read;
    }
  }
  advance(at);
  if (offset == mmio::kDone) {
    const Units::Done done = units_.done(at);
    return {done.counts, 0, std::min(done.changes, player_.next_offer())};
  }
  if (offset < mmio::kCmd + mmio::cmd::kBytes) return {command_.w[offset / 4]};
  if (offset >= mmio::kScratch) {
    ++units_.activity().scratch_controller_accesses;
    return {scratch((offset - mmio::kScratch) / 4), kScratchWait};
  }
  if (inside(offset, mmio::kScalars, mmio::scalars::kBytes)) {
    const uint32_t index = (offset - mmio::kScalars) / mmio::scalars::kStride;
    uint64_t value = scalars_[index];
    if (weights_.reduce != 0 && index == weights_.reduce_reg) {
      value = 0;
      for (uint32_t i = 0; i < weights_.n; ++i) value += weight(i);
    }
    return {static_cast<uint32_t>(value >> 8 * (offset % mmio::scalars::kStride)), kScalarWait};
  }
  if (inside(offset, mmio::kTopList, mmio::top_list::kBytes)) {
    const uint32_t entry = (offset - mmio::kTopList) / mmio::top_list::kStride;
    return {offset % mmio::top_list::kStride == 0 ? 0u - entry : token_, kTopListWait};
  }
  switch (offset) {
    case mmio::kMailState:
      return {mmio::mail_state::kWord.put(!to_chip_.empty()) |
                  mmio::mail_state::kRoom.put(to_host_.size() < spec::kMailDepth),
              0, kNever};
    case mmio::kMailIn: {
      if (to_chip_.empty()) return {0};
      const uint32_t word = to_chip_.front();
      to_chip_.pop_front();
      return {word};
    }
    case mmio::kTapeWaits:
      return {tape_waits_};
    case mmio::kWorking:
      return {mmio::working::kRequest.put(working_)};
    case mmio::kCycles:
      return {static_cast<uint32_t>(at)};
    case mmio::kError:
      return {0};
    case mmio::kConfig:
    case mmio::kConfig2:
    case mmio::kConfig3:
      return {config_word(offset)};
    case mmio::kKeyBlock:
      return {config_.chip.key_block};
    case mmio::kTopCount:
      return {units_.vector().listed()};
    default:
      throw Error("performance model: the firmware reads device offset 0x{:x}, which it lacks",
                  offset);
  }
}

Cycle DeviceBus::issue(const spec::CommandWords& words, Cycle at) {
  const spec::ChipOpcode opcode = opcode_of(words);
  if (opcode == spec::ChipOpcode::kLoad) {
    loaded_[loads_++ % loaded_.size()] = {spec::LoadCommand::unpack(words)};
  } else if (opcode == spec::ChipOpcode::kVector) {
    const auto c = spec::VectorCommand::unpack(words);
    if (static_cast<spec::VectorOp>(c.op) == spec::VectorOp::kExp2) weights_ = c;
  }
  return units_.issue(at, words);
}

Cycle DeviceBus::write(uint32_t offset, uint32_t value, Cycle at) {
  if (is_of_player(offset) && player_.busy()) {
    if (const Cycle played = player_.finish(); played > at)
      return played - at + write(offset, value, played);
  }
  advance(at);
  if (offset < mmio::kCmd + mmio::cmd::kBytes) {
    command_.w[offset / 4] = value;
  } else if (offset == mmio::kIssue) {
    return issue(command_, at) - at;
  } else if (offset == mmio::kTapeWaits) {
    tape_waits_ = value;
  } else if (offset == mmio::kTape) {
    player_.start(value, tape_waits_, at);
  } else if (offset >= mmio::kScratch) {
    ++units_.activity().scratch_controller_accesses;
  } else if (inside(offset, mmio::kScalars, mmio::scalars::kBytes)) {
    const uint32_t index = (offset - mmio::kScalars) / mmio::scalars::kStride;
    const uint32_t shift = 8 * (offset % mmio::scalars::kStride);
    scalars_[index] = (scalars_[index] & ~(uint64_t{0xffffffff} << shift)) | uint64_t{value}
                                                                                 << shift;
  } else if (offset == mmio::kMailOut) {
    to_host_.push_back({at, value});
  } else if (offset == mmio::kWorking) {
    working_ = mmio::working::kRequest.is_set(value);
    units_.set_working(at + 1, working_);
  } else if (offset != mmio::kPhase) {
    throw Error("performance model: the firmware writes device offset 0x{:x}, which it lacks",
                offset);
  }
  return 0;
}

}  // namespace tern::tlm
