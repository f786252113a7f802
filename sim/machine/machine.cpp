// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <algorithm>
#include <cstring>

#include "io/error.hpp"
#include "spec/config_words.hpp"
#include "spec/waits.hpp"

namespace tern::sim {

namespace mmio = spec::mmio;
namespace reg = spec::reg;

namespace {

bool inside(uint32_t offset, uint32_t base, uint32_t bytes) { return offset - base < bytes; }

}  // namespace

Machine::Machine(const spec::ChipConfig& config, const MachineOptions& options)
    : config_(config),
      ordering_(options.seed, options.check_ordering),
      memory_base_(options.memory_base),
      scratch_(config.scratch_words),
      scratch_places_(config.scratch_words),
      activations_(std::size_t{config.act_depth} * config.act_columns * config.columns),
      act_places_(std::size_t{config.act_depth} * config.act_columns) {}

void Machine::soft_reset() {
  ordering_.reset();
  std::ranges::fill(scratch_places_, Place{});
  std::ranges::fill(act_places_, Place{});
  scalar_places_.fill({});
  top_.clear();
  top_limit_ = top_next_ = 0;
  top_place_ = {};
  command_ = {};
  tape_waits_ = 0;
  to_chip_.clear();
  to_host_.clear();
  error_ = 0;
  working_ = false;
  cycles_ = 0;
  counts_ = {};
}

uint32_t Machine::config_word(int index) const {
  const spec::ConfigWords words = spec::config_words(config_);
  return index == 1 ? words.config : index == 2 ? words.config2 : words.config3;
}

uint32_t Machine::read(uint32_t offset) {
  ++cycles_;
  if (offset < mmio::kCmd + mmio::cmd::kBytes && offset % 4 == 0) return command_.w[offset / 4];
  if (offset >= mmio::kScratch) {
    const uint32_t word = (offset - mmio::kScratch) / 4;
    if (word >= config_.scratch_words)
      throw Error("controller: scratchpad word {} of {}", word, config_.scratch_words);
    ordering_.controller_read(scratch_places_[word], "scratchpad word", word);
    return static_cast<uint32_t>(scratch_[word]);
  }
  if (inside(offset, mmio::kScalars, mmio::scalars::kBytes)) {
    const uint32_t index = (offset - mmio::kScalars) / mmio::scalars::kStride;
    ordering_.controller_read(scalar_places_[index], "scalar register", index);
    return static_cast<uint32_t>(scalars_[index] >> (8 * (offset % mmio::scalars::kStride)));
  }
  if (inside(offset, mmio::kTopList, mmio::top_list::kBytes)) return read_top_list(offset);
  switch (offset) {
    case mmio::kDone:
      return ordering_.read_done();
    case mmio::kMailState:
      return mmio::mail_state::kWord.put(!to_chip_.empty()) |
             mmio::mail_state::kRoom.put(mail_words() < spec::kMailDepth);
    case mmio::kMailIn: {
      if (to_chip_.empty()) return 0;
      const uint32_t word = to_chip_.front();
      to_chip_.pop_front();
      return word;
    }
    case mmio::kTapeWaits:
      return tape_waits_;
    case mmio::kWorking:
      return mmio::working::kRequest.put(working_);
    case mmio::kCycles:
      return static_cast<uint32_t>(cycles_);
    case mmio::kError:
      return error_;
    case mmio::kConfig:
      return config_word(1);
    case mmio::kConfig2:
      return config_word(2);
    case mmio::kConfig3:
      return config_word(3);
    case mmio::kKeyBlock:
      return config_.key_block;
    case mmio::kTopCount:
      ordering_.controller_read(top_place_, "top-k list", 0);
      return static_cast<uint32_t>(top_.size());
    default:
      throw Error("controller: reads device offset 0x{:x}, where there is nothing to read", offset);
  }
}

uint32_t Machine::read_top_list(uint32_t offset) const {
  const std::size_t entry = (offset - mmio::kTopList) / mmio::top_list::kStride;
  ordering_.controller_read(top_place_, "top-k list", entry);
  if (entry >= top_.size())
    throw Error("controller: reads entry {} of a top-k list of {}", entry, top_.size());
  const bool number = offset % mmio::top_list::kStride != 0;
  return number ? top_[entry].number : static_cast<uint32_t>(top_[entry].value);
}

void Machine::write(uint32_t offset, uint32_t value) {
  ++cycles_;
  if (offset < mmio::kCmd + mmio::cmd::kBytes && offset % 4 == 0) {
    command_.w[offset / 4] = value;
  } else if (offset >= mmio::kScratch) {
    const uint32_t word = (offset - mmio::kScratch) / 4;
    if (word >= config_.scratch_words)
      throw Error("controller: scratchpad word {} of {}", word, config_.scratch_words);
    ordering_.controller_write(scratch_places_[word], "scratchpad word", word);
    scratch_[word] = static_cast<int32_t>(value);
  } else if (inside(offset, mmio::kScalars, mmio::scalars::kBytes)) {
    const uint32_t index = (offset - mmio::kScalars) / mmio::scalars::kStride;
    ordering_.controller_write(scalar_places_[index], "scalar register", index);
    const uint32_t shift = 8 * (offset % mmio::scalars::kStride);
    scalars_[index] = (scalars_[index] & ~(uint64_t{0xffffffff} << shift)) | uint64_t{value}
                                                                                 << shift;
  } else if (offset == mmio::kIssue) {
    issue();
  } else if (offset == mmio::kTapeWaits) {
    tape_waits_ = value;
  } else if (offset == mmio::kTape) {
    play(value);
  } else if (offset == mmio::kMailOut) {
    if (mail_words() == spec::kMailDepth)
      error_ |= 1u << reg::kErrorMailOverflowLsb;
    else
      to_host_.push_back(value);
  } else if (offset == mmio::kPhase) {
    // For the timeline of a chip with a clock.
  } else if (offset == mmio::kWorking) {
    working_ = mmio::working::kRequest.is_set(value);
  } else {
    throw Error("controller: writes device offset 0x{:x}, where there is nothing to write", offset);
  }
}

void Machine::push_mail(uint32_t word) {
  if (mail_room() == 0)
    error_ |= 1u << reg::kErrorMailOverflowLsb;
  else
    to_chip_.push_back(word);
}

void Machine::pop_mail() {
  if (!to_host_.empty()) to_host_.pop_front();
}

void Machine::reserve_memory(uint64_t end) {
  if (end > memory_base_ + memory_.size()) memory_.resize(end - memory_base_, std::byte{0xff});
}

bool Machine::has_memory(uint64_t first, uint64_t bytes) const {
  const uint64_t at = first - memory_base_;
  return first >= memory_base_ && at <= memory_.size() && bytes <= memory_.size() - at;
}

void Machine::write_memory(uint64_t address, std::span<const std::byte> data) {
  if (!has_memory(address, data.size()))
    throw Error("host: writes {} bytes at 0x{:x} of {}", data.size(), address, memory_.size());
  std::ranges::copy(data, memory_at(address));
}

void Machine::read_memory(uint64_t address, std::span<std::byte> data) const {
  if (!has_memory(address, data.size()))
    throw Error("host: reads {} bytes at 0x{:x} of {}", data.size(), address, memory_.size());
  ordering_.host_read_memory(address, data.size());
  if (!data.empty())
    std::memcpy(data.data(), memory_.data() + (address - memory_base_), data.size());
}

void Machine::begin(spec::Unit unit, const char* what, const spec::CommandWords& words) {
  const uint32_t w = words.w[spec::fields::kWaits.word];
  const std::string name =
      fmt::format("{} command {} ({})", spec::name_of(unit),
                  ordering_.issued()[static_cast<std::size_t>(unit)] + 1, what);
  std::array<uint32_t, spec::kUnitCount> waits;
  for (uint32_t u = 0; u < spec::kUnitCount; ++u) waits[u] = spec::count_of(u).get(w);
  ordering_.begin(unit, waits, name);
  for (uint32_t i = 0; i < spec::kCommandWords; ++i) {
    if (words.w[i] != command_.w[i])
      throw Error("{}: word {} is 0x{:08x}: reserved bits are not 0", name, i, command_.w[i]);
  }
}

/// All commands of a tape at once: the units are untimed, so nothing can see that the controller
/// goes on meanwhile.
void Machine::play(uint32_t tape) {
  const uint32_t start = mmio::tape::kStart.get(tape);
  const uint32_t first = start / 4;
  if (tape_memory_.empty() || first % spec::kCommandWords != 0)
    throw Error("controller: plays a tape at 0x{:x} of its data memory, {}", start,
                tape_memory_.empty() ? "which there is not" : "no multiple of 32");
  for (uint32_t n = 0; n < mmio::tape::kCommands.get(tape); ++n) {
    for (uint32_t i = 0; i < spec::kCommandWords; ++i)
      command_.w[i] = tape_memory_[(first + n * spec::kCommandWords + i) % tape_memory_.size()];
    uint32_t& waits = command_.w[spec::fields::kWaits.word];
    waits = spec::add_waits(waits, tape_waits_);
    if (opcode_of(command_) == spec::ChipOpcode::kScalar)
      command_.w[4] = command_.w[6] = command_.w[7] = 0;
    issue();
  }
}

void Machine::issue() {
  const spec::ChipOpcode opcode = opcode_of(command_);
  switch (opcode) {
    case spec::ChipOpcode::kLoad: {
      const auto c = spec::LoadCommand::unpack(command_);
      begin(spec::Unit::kLoad, "load", c.pack());
      return load(c);
    }
    case spec::ChipOpcode::kMatmul: {
      const auto c = spec::MatmulCommand::unpack(command_);
      begin(spec::Unit::kMatmul, "matmul", c.pack());
      return matmul(c);
    }
    case spec::ChipOpcode::kVector: {
      const auto c = spec::VectorCommand::unpack(command_);
      begin(spec::Unit::kVector, spec::name_of(static_cast<spec::VectorOp>(c.op)), c.pack());
      return vector(c);
    }
    case spec::ChipOpcode::kScalar: {
      const auto c = spec::ScalarCommand::unpack(command_);
      begin(spec::Unit::kVector, spec::name_of(static_cast<spec::ScalarOp>(c.op)), c.pack());
      return scalar(c);
    }
    case spec::ChipOpcode::kStore: {
      const auto c = spec::StoreCommand::unpack(command_);
      begin(spec::Unit::kStore, "store", c.pack());
      return store(c);
    }
  }
  throw Error("command: opcode {} is none", static_cast<uint32_t>(opcode));
}

void Machine::refuse(const char* field, uint64_t value, const std::string& why) const {
  throw Error("{}: {} is {}: {}", ordering_.name(), field, value, why);
}

void Machine::check(bool good, const char* field, uint64_t value, const char* why) const {
  if (!good) refuse(field, value, why);
}

/// Words [first, first + words) exist.
void Machine::check_scratch(const char* field, uint64_t first, uint64_t words) const {
  if (first + words > config_.scratch_words)
    refuse(field, first,
           fmt::format("{} words from there leave the scratchpad of {}", words,
                       config_.scratch_words));
}

void Machine::check_memory(const char* field, uint64_t first, uint64_t bytes) const {
  if (!has_memory(first, bytes))
    refuse(field, first,
           fmt::format("{} bytes from there leave the memory of {}", bytes, memory_.size()));
}

int32_t Machine::read_word(const char* what, uint32_t word) {
  ordering_.read(scratch_places_[word], what, word);
  return scratch_[word];
}

void Machine::write_word(const char* what, uint32_t word, int32_t value) {
  ordering_.write(scratch_places_[word], what, word);
  scratch_[word] = value;
}

uint64_t Machine::read_scalar(const char* what, uint32_t index) {
  ordering_.read(scalar_places_[index], what, index);
  return scalars_[index];
}

void Machine::write_scalar(const char* what, uint32_t index, uint64_t value) {
  ordering_.write(scalar_places_[index], what, index);
  scalars_[index] = value;
}

}  // namespace tern::sim
