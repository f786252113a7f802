// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "driver/src/firmware_link.hpp"
#include "io/skeleton.hpp"
#include "memory_model.hpp"
#include "tern/transport.hpp"

namespace tern::tlm {

/// Asks a chip with its firmware how long tokens take, at any position of the context and without
/// the tokens before it: times do not depend on values, but for insertions into the top-k list. The
/// chip may be the performance model or the RTL; its memory needs no weights and no caches, since
/// memory that was never written holds legal codes.
class TimingRun {
 public:
  /// Loads the model's descriptors. `chip` and `model` must outlive this. Throws tern::Error when
  /// the chip cannot run the model, or chip or firmware refuse.
  TimingRun(Transport& chip, const io::Skeleton& model, uint64_t timeout_cycles = 1'000'000'000);

  /// `tokens` prompt tokens from `position` on, in groups of `group` (0: as many as the chip can),
  /// without the head. Counted is the whole request.
  Counters prefill(uint32_t position, uint32_t tokens, uint32_t group = 0);

  /// `tokens` tokens, one after the other from `position` on, each with head and greedy choice.
  /// Counted is from one token sent to the host to another, after a token that is not counted; at
  /// position 0, where there is none before, the whole request of one token.
  Counters decode(uint32_t position, uint32_t tokens);

  /// Cycles in which that was which prefill() or decode() counted last.
  Span counted() const { return counted_; }
  /// Called when what is counted begins and when it ends.
  void on_interval(std::function<void()> edge) { edge_ = std::move(edge); }

  /// Largest group of prompt tokens.
  uint32_t group() const { return group_; }

 private:
  void seek(uint32_t position);
  Counters request(uint32_t position, uint32_t prompt, uint32_t max_new, uint32_t group);

  const io::Skeleton& model_;
  driver::FirmwareLink link_;
  std::function<void()> edge_ = [] {};
  uint32_t group_ = 1;
  Span counted_;
};

/// Cycles in which the chip worked: each is counted as a beat or a stall.
uint64_t work_cycles(const Counters& c);

/// `after` less `before`.
Counters operator-(const Counters& after, const Counters& before);

}  // namespace tern::tlm
