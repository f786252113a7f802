// SPDX-License-Identifier: Apache-2.0
#include "dram_target.hpp"

#include <algorithm>
#include <limits>

namespace tern::sim {

using sc_core::sc_time;

DramTarget::DramTarget(sc_core::sc_module_name name, const dram::Config& config)
    : sc_module(name),
      socket("socket"),
      memory_(config),
      period_(static_cast<uint64_t>(config.period_fs())) {
  socket.register_nb_transport_fw(this, &DramTarget::forward);
  SC_METHOD(wake);
  sensitive << event_;
  dont_initialize();
}

tlm::tlm_sync_enum DramTarget::forward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_time& delay) {
  if (phase != tlm::BEGIN_REQ) return tlm::TLM_ACCEPTED;
  payload.acquire();
  uint32_t id = static_cast<uint32_t>(accesses_.size());
  if (free_.empty()) {
    accesses_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  const uint64_t burst = memory_.burst_bytes();
  const uint64_t address = payload.get_address();
  accesses_[id] = {&payload, (sc_core::sc_time_stamp() + delay).value(), address / burst * burst,
                   address + payload.get_data_length()};
  (payload.is_write() ? writes_ : reads_).push_back(id);
  reading_ += payload.is_read();
  event_.notify(delay);
  phase = tlm::END_REQ;
  return tlm::TLM_UPDATED;
}

void DramTarget::wake() {
  const uint64_t now = sc_core::sc_time_stamp().value();
  memory_.advance(cycle_at(now));
  take_completions(now);
  queue_bursts(writes_, true, now);
  queue_bursts(reads_, false, now);
  take_completions(now);
  sleep(now);
}

void DramTarget::queue_bursts(std::deque<uint32_t>& waiting, bool write, uint64_t now) {
  while (!waiting.empty()) {
    const uint32_t id = waiting.front();
    Access& access = accesses_[id];
    if (access.arrival > now) return;
    for (; access.next < access.end; access.next += memory_.burst_bytes()) {
      if (!memory_.accepts(access.next, write)) return;
      if (write) {
        memory_.push_write(access.next);
      } else {
        memory_.push_read(id, access.next);
        ++access.waiting;
      }
    }
    waiting.pop_front();
    if (write) respond(id, now, now);
  }
}

void DramTarget::take_completions(uint64_t now) {
  for (const dram::Completion& completion : memory_.completions()) {
    const auto id = static_cast<uint32_t>(completion.id);
    Access& access = accesses_[id];
    access.done = std::max(access.done, completion.done);
    if (--access.waiting != 0 || access.next < access.end) continue;
    --reading_;
    respond(id, now, std::max(now, static_cast<uint64_t>(access.done) * period_));
  }
  memory_.completions().clear();
}

void DramTarget::respond(uint32_t id, uint64_t now, uint64_t at) {
  tlm::tlm_generic_payload& payload = *accesses_[id].payload;
  free_.push_back(id);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
  tlm::tlm_phase phase = tlm::BEGIN_RESP;
  sc_time delay = sc_time::from_value(at - now);
  socket->nb_transport_bw(payload, phase, delay);
  payload.release();
}

/// Sleeps until something can have happened that somebody waits for.
void DramTarget::sleep(uint64_t now) {
  uint64_t at = std::numeric_limits<uint64_t>::max();
  const auto next_command = [&] { return static_cast<uint64_t>(memory_.next()) + 1; };
  for (const std::deque<uint32_t>* waiting : {&reads_, &writes_}) {
    if (waiting->empty()) continue;
    const uint64_t arrival = accesses_[waiting->front()].arrival;
    at = std::min(at, arrival > now ? arrival : next_command() * period_);
  }
  if (reading_ != 0) {
    // Data follows its command by CL at least, so its time is still ahead then.
    const auto data = static_cast<uint64_t>(config().timing.cl);
    at = std::min(at, (next_command() + data) * period_);
  }
  if (at != std::numeric_limits<uint64_t>::max()) event_.notify(sc_time::from_value(at - now));
}

dram::Counters DramTarget::counters() {
  memory_.advance(cycle_at(sc_core::sc_time_stamp().value()));
  return memory_.counters();
}

}  // namespace tern::sim
