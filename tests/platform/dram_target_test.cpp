// SPDX-License-Identifier: Apache-2.0
// The DRAM as a TLM-2.0 target: its answers come when the timing model by itself says.
#include "platform/dram_target.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <map>
#include <sstream>

#include "child.hpp"
#include "dram/patterns.hpp"
#include "dram/presets.hpp"
#include "io/error.hpp"

/// The SystemC library refers to it.
int sc_main(int, char**) { return 1; }

namespace tern::test {
namespace {

using sc_core::sc_time;

struct Asked {
  uint64_t time;  ///< In fs.
  uint64_t address;
  uint32_t bytes;
  bool write;
};

/// Sends what it is told at its time and notes when each is answered.
class Source : public sc_core::sc_module, private tlm::tlm_mm_interface {
 public:
  SC_HAS_PROCESS(Source);
  Source(sc_core::sc_module_name name, std::vector<Asked> list)
      : sc_module(name), socket("socket"), asked(std::move(list)), answered(asked.size()) {
    socket.register_nb_transport_bw(this, &Source::backward);
    SC_THREAD(run);
  }
  tlm_utils::simple_initiator_socket<Source> socket;
  const std::vector<Asked> asked;
  std::vector<uint64_t> answered;
  std::size_t answers = 0, freed = 0;

 private:
  void run() {
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const Asked& a = asked[i];
      const uint64_t now = sc_core::sc_time_stamp().value();
      if (a.time > now) wait(sc_time::from_value(a.time - now));
      auto* payload = new tlm::tlm_generic_payload(this);
      payload->acquire();
      payload->set_command(a.write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
      payload->set_address(a.address);
      payload->set_data_length(a.bytes);
      payload->set_streaming_width(a.bytes);
      index_[payload] = i;
      tlm::tlm_phase phase = tlm::BEGIN_REQ;
      sc_time delay = sc_core::SC_ZERO_TIME;
      EXPECT_EQ(socket->nb_transport_fw(*payload, phase, delay), tlm::TLM_UPDATED);
      EXPECT_EQ(phase, tlm::END_REQ);
    }
  }
  tlm::tlm_sync_enum backward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                              sc_time& delay) {
    EXPECT_EQ(phase, tlm::BEGIN_RESP);
    EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
    answered[index_.at(&payload)] = (sc_core::sc_time_stamp() + delay).value();
    ++answers;
    index_.erase(&payload);
    payload.release();
    return tlm::TLM_COMPLETED;
  }
  void free(tlm::tlm_generic_payload* payload) override {
    ++freed;
    delete payload;
  }
  std::map<tlm::tlm_generic_payload*, std::size_t> index_;
};

/// Reads of one burst, far enough apart that each finds room in the queue.
std::vector<Asked> spaced_reads(const dram::Config& config, std::size_t count) {
  std::vector<Asked> asked;
  dram::PatternSource source(dram::Pattern::kRandomReads, config, 9);
  uint64_t time = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const uint64_t address = source.next().address;
    time += static_cast<uint64_t>(config.period_fs()) * (address / 64 % 40) + 12'345;
    asked.push_back({time, address, config.geometry.burst_bytes(), false});
  }
  return asked;
}

std::string compare(const std::vector<uint64_t>& got, const std::vector<uint64_t>& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (got[i] != expected[i])
      return fmt::format("{} of {}: {} fs, expected {}", i, expected.size(), got[i], expected[i]);
  }
  return "same";
}

TEST(DramTarget, AnswersReadsInTheCycleInWhichTheModelHasTheirData) {
  const auto run = [](const std::string& preset) {
    const dram::Config config = dram::find_preset(preset);
    const auto period = static_cast<uint64_t>(config.period_fs());
    const std::vector<Asked> asked = spaced_reads(config, 3000);
    dram::Memory memory(config);
    std::vector<uint64_t> expected(asked.size());
    const auto collect = [&] {
      for (const dram::Completion& c : memory.completions())
        expected[c.id] = static_cast<uint64_t>(c.done) * period;
      memory.completions().clear();
    };
    for (std::size_t i = 0; i < asked.size(); ++i) {
      memory.advance(static_cast<dram::Cycle>((asked[i].time + period - 1) / period));
      if (!memory.accepts(asked[i].address, false)) return std::string("no room: not this test");
      memory.push_read(i, asked[i].address);
      collect();
    }
    memory.drain();
    collect();

    sc_core::sc_set_time_resolution(1, sc_core::SC_FS);
    Source source("source", asked);
    sim::DramTarget target("target", config);
    source.socket.bind(target.socket);
    sc_core::sc_start(sc_time::from_value(asked.back().time + 1'000'000 * period));
    if (source.freed != asked.size()) return fmt::format("{} payloads freed", source.freed);
    return compare(source.answered, expected);
  };
  for (const char* preset : {"ddr4-2400", "sdr-133", "hbm3-6400"})
    EXPECT_EQ(in_child([&] { return run(preset); }), "same") << preset;
}

TEST(DramTarget, MovesLongTransfersAtTheRateOfTheModel) {
  const auto run = []() {
    const dram::Config config = dram::find_preset("ddr4-2400");
    // More than the queues hold, all at once: 1 KB each, and a write among every ten.
    std::vector<Asked> asked;
    constexpr uint64_t kCount = 2000;
    for (uint64_t i = 0; i < kCount; ++i)
      asked.push_back({100, i % 10 == 9 ? (1u << 30) + i * 1024 : i * 1024, 1024, i % 10 == 9});
    sc_core::sc_set_time_resolution(1, sc_core::SC_FS);
    Source source("source", asked);
    sim::DramTarget target("target", config);
    source.socket.bind(target.socket);
    const double seconds = kCount * 1024 / (config.peak_gb_per_second() * 1e9);
    sc_core::sc_start(2 * seconds, sc_core::SC_SEC);
    const dram::Counters c = target.counters();
    uint64_t last = 0;
    for (const uint64_t at : source.answered) last = std::max(last, at);
    const double share = seconds * 1e15 / static_cast<double>(last);
    const bool right = source.answers == kCount && c.reads + c.forwarded == 16 * kCount * 9 / 10 &&
                       c.writes <= 16 * kCount / 10 && share > 0.85 && share < 0.96 &&
                       c.data_busy + c.idle() == c.cycles;
    return right ? std::string("right")
                 : fmt::format("{} answers, {} reads, {} writes, share {}", source.answers, c.reads,
                               c.writes, share);
  };
  EXPECT_EQ(in_child(run), "right");
}

}  // namespace
}  // namespace tern::test
