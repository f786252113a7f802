// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <systemc>
#include <tlm>
#include <vector>

#include "sim/memory_backend.hpp"

namespace tern::sim {

/// The chip as a SystemC module: a thread that runs the loop over clock cycles, and a TLM-2.0
/// initiator for what the chip's AXI port asks of its memory.
///
/// A transaction is the beats of one aligned piece of an AXI burst, as large as a beat of the chip
/// or a burst of the DRAM, whichever is larger. The thread runs ahead of the kernel as long as
/// nothing happens in the kernel before its own time (the next DRAM event), and waits otherwise: so
/// it is exact, and a cycle in which memory has nothing to say costs no context switch.
class ChipInitiator final : public sc_core::sc_module,
                            public MemoryBackend,
                            private tlm::tlm_mm_interface {
 public:
  SC_HAS_PROCESS(ChipInitiator);
  /// `period` is that of the chip's clock, in fs; sizes in bytes, powers of two.
  ChipInitiator(sc_core::sc_module_name name, uint64_t period, uint32_t beat_bytes,
                uint32_t piece_bytes, bool run_ahead);

  tlm_utils::simple_initiator_socket<ChipInitiator> socket;

  /// Runs `job` in the module's thread while simulated time passes; to be called from outside of
  /// the simulation. What the job throws comes out here.
  void run(std::function<void()> job);

  /// Lets the kernel come to the time up to which the chip ran.
  void catch_up();

  // MemoryBackend, within a job.
  void begin_cycle(uint64_t cycle) override;
  void read(uint64_t cycle, uint64_t address, uint32_t beats) override;
  bool read_ready(uint64_t cycle) override { return reads_.front().ready <= cycle * period_; }
  void finish_read() override {
    if (--reads_.front().beats == 0) reads_.pop_front();
  }
  void write(uint64_t cycle, uint64_t address, bool last) override;
  bool write_ready(uint64_t cycle) override {
    const Write& write = writes_.front();
    return write.whole && write.waiting == 0 && write.ready <= cycle * period_;
  }
  void finish_write() override { writes_.pop_front(); }

 private:
  static constexpr uint64_t kNever = ~uint64_t{0};

  struct Read {
    uint64_t ready = kNever;  ///< In fs.
    uint32_t beats = 0;       ///< Not finished.
  };
  struct Write {
    uint64_t ready = 0;
    uint32_t waiting = 0;  ///< Transactions without an answer.
    bool whole = false;    ///< The last beat came.
    uint64_t piece = kNever;
  };
  struct Transfer : tlm::tlm_generic_payload {
    Read* read = nullptr;
    Write* write = nullptr;
  };

  void thread();
  void wait_until(uint64_t time);
  tlm::tlm_sync_enum backward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                              sc_core::sc_time& delay);
  void send(uint64_t cycle, uint64_t address, Read* read, Write* write);
  void free(tlm::tlm_generic_payload* payload) override;

  const uint64_t period_;
  const uint32_t beat_bytes_, piece_bytes_;
  const bool run_ahead_;
  uint64_t local_ = 0;        ///< Up to here the chip ran, in fs.
  std::deque<Read> reads_;    ///< Deques, because a transfer points into them.
  std::deque<Write> writes_;  ///< One for each burst.
  std::vector<std::unique_ptr<Transfer>> transfers_;
  std::vector<Transfer*> free_;
  std::vector<unsigned char> no_data_;

  std::function<void()> job_;
  std::exception_ptr error_;
  sc_core::sc_event start_;
};

}  // namespace tern::sim
