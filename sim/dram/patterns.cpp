// SPDX-License-Identifier: Apache-2.0
#include "patterns.hpp"

namespace tern::dram {
namespace {

constexpr uint64_t kReadsBetween = 240;
constexpr uint64_t kWriteGroup = 16;

}  // namespace

const char* name_of(Pattern pattern) {
  switch (pattern) {
    case Pattern::kSequentialReads:
      return "sequential reads";
    case Pattern::kSequentialWrites:
      return "sequential writes";
    case Pattern::kRandomReads:
      return "random reads";
    case Pattern::kRandomMixed:
      return "random, 1/3 writes";
    case Pattern::kStreamWithWrites:
      return "stream, 1/16 writes";
  }
  return "?";
}

PatternSource::PatternSource(Pattern pattern, const Config& config, uint64_t seed)
    : pattern_(pattern),
      burst_bytes_(config.geometry.burst_bytes()),
      bursts_(config.geometry.bytes() / burst_bytes_),
      state_(seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du) {}

/// xorshift64*.
uint64_t PatternSource::random_burst() {
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  return state_ * 0x2545f4914f6cdd1du >> 20;
}

PatternSource::Request PatternSource::next() {
  const uint64_t n = count_++;
  uint64_t burst = 0;
  bool write = false;
  switch (pattern_) {
    case Pattern::kSequentialWrites:
      write = true;
      [[fallthrough]];
    case Pattern::kSequentialReads:
      burst = n;
      break;
    case Pattern::kRandomMixed:
      write = random_burst() % 3 == 0;
      [[fallthrough]];
    case Pattern::kRandomReads:
      burst = random_burst();
      break;
    case Pattern::kStreamWithWrites:
      write = n % (kReadsBetween + kWriteGroup) >= kReadsBetween;
      burst = write ? bursts_ / 2 + writes_++ : reads_++;
      break;
  }
  return {burst % bursts_ * burst_bytes_, write};
}

void saturate(Memory& memory, PatternSource& source, uint64_t requests) {
  for (uint64_t i = 0; i < requests; ++i) {
    const PatternSource::Request r = source.next();
    while (!memory.accepts(r.address, r.write)) memory.advance(memory.next() + 1);
    if (r.write) {
      memory.push_write(r.address);
    } else {
      memory.push_read(i, r.address);
    }
    memory.completions().clear();
  }
}

Counters measure(const Config& config, Pattern pattern, uint64_t requests, uint64_t seed) {
  Memory memory(config);
  PatternSource source(pattern, config, seed);
  saturate(memory, source, 1000);
  const Counters before = memory.counters();
  saturate(memory, source, requests);
  Counters after = memory.counters();
  return after -= before;
}

}  // namespace tern::dram
