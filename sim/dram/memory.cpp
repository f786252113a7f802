// SPDX-License-Identifier: Apache-2.0
#include "memory.hpp"

namespace tern::dram {
namespace {

const Config& checked(const Config& config) {
  check(config, config.name);
  return config;
}

}  // namespace

Memory::Memory(const Config& config)
    : config_(checked(config)), map_(config.geometry, config.mapping, config.name) {
  for (uint32_t i = 0; i < config.geometry.channels; ++i) channels_.emplace_back(config);
}

Cycle Memory::drain() {
  const auto busy = [&] {
    for (const Channel& channel : channels_) {
      if (!channel.idle()) return true;
    }
    return false;
  };
  while (busy()) advance(next() + 1);
  return now_;
}

Counters Memory::counters() {
  Counters sum;
  for (Channel& channel : channels_) sum += channel.counters();
  return sum;
}

}  // namespace tern::dram
