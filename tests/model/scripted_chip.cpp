// SPDX-License-Identifier: Apache-2.0
#include "scripted_chip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "spec/config_words.hpp"

namespace tern::test {

namespace reg = spec::reg;

void ScriptedChip::reserve_memory(uint64_t bytes) {
  if (bytes > memory.size()) memory.resize(bytes);
}

void ScriptedChip::write_memory(uint64_t address, std::span<const std::byte> bytes) {
  if (address + bytes.size() > memory.size()) throw std::out_of_range("write_memory");
  ++memory_writes;
  std::ranges::copy(bytes, memory.begin() + static_cast<std::ptrdiff_t>(address));
}

void ScriptedChip::read_memory(uint64_t address, std::span<std::byte> bytes) {
  if (address + bytes.size() > memory.size()) throw std::out_of_range("read_memory");
  std::memcpy(bytes.data(), memory.data() + address, bytes.size());
}

void ScriptedChip::put(uint64_t address, const void* bytes, std::size_t count) {
  std::memcpy(memory.data() + address, bytes, count);
}

void ScriptedChip::write_register(uint32_t offset, uint32_t value) {
  switch (offset) {
    case reg::kCtrl:
      running = false;
      if (value >> reg::kCtrlSoftResetLsb & 1) {
        error = 0;
        from_host.clear();
        to_host.clear();
        pending_.clear();
        for (auto& [at, counter] : registers) {
          if (at >= reg::kCyclesLo && at != reg::kConfig3) counter = 0;
        }
      } else if (value >> reg::kCtrlRunLsb & 1) {
        running = true;
        ++starts;
        greeted_ = false;
        position = 0;
      }
      return;
    case reg::kError:
      error &= ~value;
      return;
    case reg::kMailIn:
      if (from_host.size() == spec::kMailDepth)
        stop(reg::kErrorMailOverflowLsb);
      else
        from_host.push_back(value);
      return;
    case reg::kMailState:
      if (!to_host.empty()) to_host.pop_front();
      return;
    case reg::kWindowAddr:
      window_ = value;
      if (value == 0) instructions.clear();
      if (value == spec::kDataBase) data.clear();
      return;
    case reg::kWindowData:
      if (running) strays.push_back("window while running");
      (window_ < spec::kDataBase ? instructions : data).push_back(value);
      window_ += 4;
      return;
    case reg::kWatchdog:
      watchdog = value;
      return;
    default:
      strays.push_back(fmt::format("write 0x{:x}", offset));
  }
}

uint32_t ScriptedChip::read_register(uint32_t offset) {
  const auto found = registers.find(offset);
  if (found != registers.end()) return found->second;
  switch (offset) {
    case reg::kId:
      return reg::kIdReset;
    case reg::kVersion:
      return reg::kVersionReset;
    case reg::kConfig:
      return spec::config_words(config_).config;
    case reg::kConfig2:
      return spec::config_words(config_).config2;
    case reg::kConfig3:
      return spec::config_words(config_).config3;
    case reg::kStatus:
      return (error != 0 ? 2u : 0u) | (running ? 4u : 0u);
    case reg::kError:
      return error;
    case reg::kMailOut:
      return to_host.empty() ? 0 : to_host.front();
    case reg::kMailState:
      return static_cast<uint32_t>(to_host.size()) |
             (spec::kMailDepth - static_cast<uint32_t>(from_host.size())) << 8;
    default:
      return 0;
  }
}

bool ScriptedChip::wait_interrupt(uint64_t timeout_cycles) {
  if (running && error == 0 && to_host.empty()) step();
  if (!to_host.empty() || error != 0) return true;
  cycles_ += timeout_cycles;
  return false;
}

void ScriptedChip::reply(spec::Reply kind, uint32_t payload, std::vector<uint32_t> more) {
  to_host.push_back(spec::fields::reply_word::kKind.put(static_cast<uint32_t>(kind)) | payload);
  to_host.insert(to_host.end(), more.begin(), more.end());
}

uint32_t ScriptedChip::take() {
  const uint32_t word = from_host.front();
  from_host.pop_front();
  return word;
}

void ScriptedChip::serve() {
  if (!greeted_) {
    greeted_ = true;
    return reply(spec::Reply::kReady, version);
  }
  // A request may be longer than the mailbox.
  while (!from_host.empty()) pending_.push_back(take());
  if (!pending_.empty() && pending_[0] == static_cast<uint32_t>(spec::Request::kContinue))
    pending_.erase(pending_.begin());
  if (pending_.empty()) return;
  switch (static_cast<spec::Request>(pending_[0])) {
    case spec::Request::kLoad:
      if (pending_.size() < 1 + words_after(spec::Request::kLoad)) return;
      load_addresses.push_back(pending_[1]);
      pending_.erase(pending_.begin(), pending_.begin() + 2);
      position = 0;
      return reply(spec::Reply::kLoaded, group);
    case spec::Request::kReset:
      pending_.erase(pending_.begin());
      position = 0;
      return reply(spec::Reply::kDone, 0, {0, 0, 0});
    case spec::Request::kContinue:
    case spec::Request::kSeek:
    case spec::Request::kReadMemory:
    case spec::Request::kWriteMemory:
      break;
    case spec::Request::kGenerate: {
      constexpr std::size_t kHead = 1 + words_after(spec::Request::kGenerate);
      if (pending_.size() < kHead) return;
      spec::GenerateRequest request{};
      std::memcpy(&request, &pending_[1], sizeof request);
      const std::size_t head = kHead + request.stops;
      if (pending_.size() < head + request.prompt) return;
      const auto begin = pending_.begin();
      const std::vector<int32_t> stop(begin + kHead, begin + static_cast<std::ptrdiff_t>(head));
      std::vector<int32_t> prompt(begin + static_cast<std::ptrdiff_t>(head),
                                  begin + static_cast<std::ptrdiff_t>(head + request.prompt));
      pending_.erase(begin, begin + static_cast<std::ptrdiff_t>(head + request.prompt));
      requests.push_back(request);
      stops.push_back(stop);
      prompts.push_back(prompt);
      if (on_generate && on_generate(request, prompt)) return;
      uint32_t sampled = 0;
      while (sampled < request.max_new) {
        const uint32_t token = 100 + sampled++;
        reply(spec::Reply::kToken, token);
        if (std::ranges::find(stop, static_cast<int32_t>(token)) != stop.end()) break;
      }
      return finish(request, prompt.size(), sampled);
    }
  }
  refuse(spec::FirmwareError::kUnknownRequest, pending_[0]);
}

void ScriptedChip::finish(const spec::GenerateRequest& request, std::size_t prompt,
                          uint32_t sampled) {
  position += static_cast<uint32_t>(prompt) + (sampled > 0 ? sampled - 1 : 0);
  reply(spec::Reply::kDone, sampled, {position, request.random_low + sampled, request.random_high});
}

}  // namespace tern::test
