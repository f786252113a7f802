// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "address_map.hpp"
#include "channel.hpp"
#include "config.hpp"
#include "counters.hpp"

namespace tern::dram {

/// A memory of one or more channels with one clock. No SystemC, no data, no threads; times are
/// cycles of the DRAM clock (Config::period_fs()).
///
///     dram::Memory memory(dram::find_preset("ddr4-2400"));
///     if (memory.accepts(address, false)) memory.push_read(id, address);   // at memory.now()
///     memory.advance(memory.now() + 1000);                                 // time passes
///     for (const dram::Completion& read : memory.completions()) ...        // id, cycle of its
///     data memory.completions().clear();
///
/// A completion appears as soon as its command is scheduled, which is some cycles before its data
/// is there. A caller that has nothing to do until something happens goes to next(). For models
/// that want figures instead of events: characterise.hpp.
class Memory {
 public:
  /// Throws tern::Error when the configuration is impossible.
  explicit Memory(const Config& config);

  const Config& config() const { return config_; }
  uint32_t burst_bytes() const { return config_.geometry.burst_bytes(); }
  Cycle now() const { return now_; }

  /// A request is one burst; `address` is any byte of it.
  bool accepts(uint64_t address, bool write) const {
    return channels_[map_.locate(address).channel].accepts(write);
  }
  void push_read(uint64_t id, uint64_t address) {
    const Location at = map_.locate(address);
    Channel& channel = channels_[at.channel];
    channel.push_read(id, at);
    collect(channel);
  }
  /// Writes are posted: done once they are accepted.
  void push_write(uint64_t address) {
    const Location at = map_.locate(address);
    channels_[at.channel].push_write(at);
  }

  /// The earliest cycle in which a command can be issued if no request comes.
  Cycle next() {
    Cycle at = Channel::kNever;
    for (Channel& channel : channels_) at = std::min(at, channel.next());
    return at;
  }
  /// Lets time pass up to cycle `to`.
  void advance(Cycle to) {
    for (Channel& channel : channels_) {
      channel.advance(to);
      collect(channel);
    }
    now_ = std::max(now_, to);
  }
  /// Lets time pass until all requests are served; returns when. Refreshes go on.
  Cycle drain();

  /// Reads that were scheduled; the caller clears it.
  std::vector<Completion>& completions() { return completions_; }

  uint32_t channels() const { return static_cast<uint32_t>(channels_.size()); }
  Counters counters(uint32_t channel) { return channels_[channel].counters(); }
  Counters counters();
  /// Sees every command of a channel as it is issued.
  void observe(uint32_t channel, std::function<void(const Command&)> observer) {
    channels_[channel].observe(std::move(observer));
  }

 private:
  void collect(Channel& channel) {
    std::vector<Completion>& done = channel.completions();
    if (done.empty()) return;
    completions_.insert(completions_.end(), done.begin(), done.end());
    done.clear();
  }

  Config config_;
  AddressMap map_;
  std::vector<Channel> channels_;
  std::vector<Completion> completions_;
  Cycle now_ = 0;
};

}  // namespace tern::dram
