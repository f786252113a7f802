// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "counters.hpp"
#include "memory.hpp"

namespace tern::dram {

/// Streams of requests that keep a memory busy: whenever a queue has room, the next one is there.
enum class Pattern {
  kSequentialReads,  ///< One burst after the other.
  kSequentialWrites,
  kRandomReads,       ///< Anywhere in the memory.
  kRandomMixed,       ///< Anywhere, one in three a write.
  kStreamWithWrites,  ///< Sequential reads; after every 240 of them 16 writes elsewhere.
};
inline constexpr Pattern kPatterns[] = {Pattern::kSequentialReads, Pattern::kSequentialWrites,
                                        Pattern::kRandomReads, Pattern::kRandomMixed,
                                        Pattern::kStreamWithWrites};
const char* name_of(Pattern pattern);

/// The requests of a pattern, one after the other. The same seed gives the same ones.
class PatternSource {
 public:
  struct Request {
    uint64_t address;
    bool write;
  };
  PatternSource(Pattern pattern, const Config& config, uint64_t seed = 1);
  Request next();

 private:
  uint64_t random_burst();

  Pattern pattern_;
  uint64_t burst_bytes_, bursts_;
  uint64_t state_;
  uint64_t reads_ = 0, writes_ = 0, count_ = 0;
};

/// Pushes `requests` of the source into the memory as fast as it takes them. What is queued at the
/// end is not waited for: the memory is as busy then as it was.
void saturate(Memory& memory, PatternSource& source, uint64_t requests);

/// What a memory does under a pattern once it is warm, over `requests` bursts.
Counters measure(const Config& config, Pattern pattern, uint64_t requests, uint64_t seed = 1);

}  // namespace tern::dram
