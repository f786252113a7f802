// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "sim/memory_storage.hpp"
#include "tape_player.hpp"
#include "units.hpp"

namespace tern::tlm {

/// The controller's devices with the time that each access takes. Source: rtl/chip/device_bus.sv.
///
/// The units compute no values. What the firmware reads of them is made up so that it takes its
/// usual way: words that a LOAD brought are those in memory; the top-k list holds `token`; the
/// candidates' weights halve from one to the next.
class DeviceBus {
 public:
  DeviceBus(const PerfConfig& config, const sim::MemoryStorage& memory, Units& units)
      : config_(config),
        memory_(memory),
        units_(units),
        player_([this](const spec::CommandWords& words, Cycle at) { return issue(words, at); }) {}

  struct Read {
    uint32_t value;
    Cycle wait = 0;     ///< Cycles beyond the shortest access.
    Cycle changes = 0;  ///< First cycle in which it may read otherwise, of what is worth polling.
  };
  /// The request is on the bus in cycle `at`. Throws tern::Error where there is nothing.
  Read read(uint32_t offset, Cycle at);
  /// Returns the cycles beyond the shortest access.
  Cycle write(uint32_t offset, uint32_t value, Cycle at);

  /// The controller's data memory, from which tapes are played.
  void set_tape_memory(std::span<const uint32_t> words) { player_.set_memory(words); }
  /// The controller accesses that memory in this cycle.
  void access_memory(Cycle at) { player_.yield(at); }
  /// Plays what a tape does before this cycle.
  void advance(Cycle cycle) { player_.advance(cycle); }
  bool is_playing() const { return player_.busy(); }
  /// The Working register: the controller is at a request.
  bool working() const { return working_; }

  /// What sampling returns.
  void set_token(uint32_t token) { token_ = token; }

  // The host's side of the mailbox.
  uint32_t mail_room() const { return spec::kMailDepth - static_cast<uint32_t>(to_chip_.size()); }
  void push_mail(uint32_t word) { to_chip_.push_back(word); }
  struct Mail {
    Cycle sent;
    uint32_t word;
  };
  std::deque<Mail>& mail() { return to_host_; }

 private:
  /// A range of the scratchpad that a LOAD filled.
  struct Loaded {
    spec::LoadCommand command;
    uint64_t time = 0;
  };
  Cycle issue(const spec::CommandWords& words, Cycle at);
  uint32_t scratch(uint32_t word) const;
  uint32_t weight(uint32_t place) const { return place < 31 ? 1u << (30 - place) : 0; }
  uint32_t config_word(uint32_t offset) const;

  const PerfConfig& config_;
  const sim::MemoryStorage& memory_;
  Units& units_;
  spec::CommandWords command_{};
  TapePlayer player_;
  uint32_t tape_waits_ = 0;
  std::array<uint64_t, spec::kScalarRegs> scalars_{};
  std::array<Loaded, 4> loaded_{};
  uint64_t loads_ = 0;
  spec::VectorCommand weights_{};  ///< The latest exponentials.
  uint32_t token_ = 0;
  bool working_ = false;
  std::deque<uint32_t> to_chip_;
  std::deque<Mail> to_host_;
};

}  // namespace tern::tlm
