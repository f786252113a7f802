// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <deque>
#include <systemc>
#include <tlm>
#include <vector>

#include "dram/memory.hpp"

namespace tern::sim {

/// A DRAM subsystem as a TLM-2.0 target with its own clock, approximately timed: BEGIN_REQ is
/// accepted at once (END_REQ in the return path), BEGIN_RESP comes by the backward path, annotated
/// with the time of the last data. Transactions are reads and writes of any length; each becomes
/// bursts of the DRAM, in the order in which transactions come, reads and writes apart. Writes are
/// answered once the controller has all of their bursts. Data is not moved: it stays where the
/// payload's pointer shows, and the initiator's port moves it.
///
/// The module is woken only when a transaction comes, when one waits for room in a queue, or when
/// data of a read may be due; the DRAM between is event-driven anyway (dram::Memory).
class DramTarget final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(DramTarget);
  DramTarget(sc_core::sc_module_name name, const dram::Config& config);

  tlm_utils::simple_target_socket<DramTarget> socket;

  /// Up to the kernel's time.
  dram::Counters counters();
  const dram::Config& config() const { return memory_.config(); }

 private:
  struct Access {
    tlm::tlm_generic_payload* payload = nullptr;
    uint64_t arrival = 0;  ///< In fs.
    uint64_t next = 0;     ///< Address of the next burst to queue,
    uint64_t end = 0;      ///< and the end of the last.
    uint32_t waiting = 0;  ///< Bursts in the queues.
    dram::Cycle done = 0;  ///< Of the latest data.
  };

  tlm::tlm_sync_enum forward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                             sc_core::sc_time& delay);
  void wake();
  void queue_bursts(std::deque<uint32_t>& waiting, bool write, uint64_t now);
  void take_completions(uint64_t now);
  void respond(uint32_t id, uint64_t now, uint64_t at);
  void sleep(uint64_t now);
  dram::Cycle cycle_at(uint64_t now) const {
    return static_cast<dram::Cycle>((now + period_ - 1) / period_);
  }

  dram::Memory memory_;
  const uint64_t period_;  ///< Of the DRAM clock, in fs.
  std::vector<Access> accesses_;
  std::vector<uint32_t> free_;
  std::deque<uint32_t> reads_, writes_;  ///< Not all of their bursts are queued.
  uint64_t reading_ = 0;                 ///< Reads that were not answered.
  sc_core::sc_event event_;
};

}  // namespace tern::sim
