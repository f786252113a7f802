// SPDX-License-Identifier: Apache-2.0
#include "chip_initiator.hpp"

#include <algorithm>

#include "io/error.hpp"

namespace tern::sim {

using sc_core::sc_time;

namespace {

constexpr std::size_t kStack = 4 << 20;  // the Verilated code has deep frames

}  // namespace

ChipInitiator::ChipInitiator(sc_core::sc_module_name name, uint64_t period, uint32_t beat_bytes,
                             uint32_t piece_bytes, bool run_ahead)
    : sc_module(name),
      socket("socket"),
      period_(period),
      beat_bytes_(beat_bytes),
      piece_bytes_(piece_bytes),
      run_ahead_(run_ahead),
      no_data_(piece_bytes) {
  socket.register_nb_transport_bw(this, &ChipInitiator::backward);
  SC_THREAD(thread);
  set_stack_size(kStack);
}

void ChipInitiator::thread() {
  for (;;) {
    wait(start_);
    try {
      job_();
    } catch (const sc_core::sc_unwind_exception&) {
      throw;  // the kernel ends the thread
    } catch (...) {
      error_ = std::current_exception();
    }
    job_ = nullptr;
    sc_core::sc_pause();
  }
}

void ChipInitiator::run(std::function<void()> job) {
  job_ = std::move(job);
  error_ = nullptr;
  start_.notify(sc_core::SC_ZERO_TIME);
  sc_core::sc_start();
  if (job_) throw Error("the SystemC simulation stopped before the chip did");
  if (error_) std::rethrow_exception(error_);
}

void ChipInitiator::begin_cycle(uint64_t cycle) {
  local_ = cycle * period_;
  const uint64_t now = sc_core::sc_time_stamp().value();
  const bool something = sc_core::sc_pending_activity() &&
                         now + sc_core::sc_time_to_pending_activity().value() < local_;
  if (something || !run_ahead_) wait_until(local_);
}

void ChipInitiator::wait_until(uint64_t time) {
  const uint64_t now = sc_core::sc_time_stamp().value();
  if (time > now) wait(sc_time::from_value(time - now));
}

void ChipInitiator::catch_up() {
  run([this] { wait_until(local_); });
}

void ChipInitiator::read(uint64_t cycle, uint64_t address, uint32_t beats) {
  const uint64_t end = address + uint64_t{beats} * beat_bytes_;
  for (uint64_t at = address; at < end;) {
    const uint64_t next = std::min(end, (at / piece_bytes_ + 1) * piece_bytes_);
    Read& read = reads_.emplace_back();
    read.beats = static_cast<uint32_t>((next - at) / beat_bytes_);
    send(cycle, at / piece_bytes_ * piece_bytes_, &read, nullptr);
    at = next;
  }
}

void ChipInitiator::write(uint64_t cycle, uint64_t address, bool last) {
  if (writes_.empty() || writes_.back().whole) writes_.emplace_back();
  Write& write = writes_.back();
  write.whole = last;
  const uint64_t piece = address / piece_bytes_;
  if (piece == write.piece) return;
  write.piece = piece;
  ++write.waiting;
  send(cycle, piece * piece_bytes_, nullptr, &write);
}

void ChipInitiator::send(uint64_t cycle, uint64_t address, Read* read, Write* write) {
  if (free_.empty()) {
    transfers_.push_back(std::make_unique<Transfer>());
    transfers_.back()->set_mm(this);
    free_.push_back(transfers_.back().get());
  }
  Transfer& t = *free_.back();
  free_.pop_back();
  t.acquire();
  t.read = read;
  t.write = write;
  t.set_command(read ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND);
  t.set_address(address);
  t.set_data_ptr(no_data_.data());
  t.set_data_length(piece_bytes_);
  t.set_streaming_width(piece_bytes_);
  t.set_byte_enable_ptr(nullptr);
  t.set_dmi_allowed(false);
  t.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  tlm::tlm_phase phase = tlm::BEGIN_REQ;
  sc_time delay = sc_time::from_value(cycle * period_) - sc_core::sc_time_stamp();
  socket->nb_transport_fw(t, phase, delay);
}

tlm::tlm_sync_enum ChipInitiator::backward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                           sc_time& delay) {
  if (phase != tlm::BEGIN_RESP) return tlm::TLM_ACCEPTED;
  Transfer& t = static_cast<Transfer&>(payload);
  const uint64_t at = (sc_core::sc_time_stamp() + delay).value();
  if (t.read) {
    t.read->ready = at;
  } else {
    t.write->ready = std::max(t.write->ready, at);
    --t.write->waiting;
  }
  payload.release();
  return tlm::TLM_COMPLETED;
}

void ChipInitiator::free(tlm::tlm_generic_payload* payload) {
  free_.push_back(static_cast<Transfer*>(payload));
}

}  // namespace tern::sim
