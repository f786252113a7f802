// SPDX-License-Identifier: Apache-2.0
#include "chip_bench.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "bus.hpp"
#include "chip/controller_map.hpp"
#include "firmware_image.hpp"
#include "generate_words.hpp"
#include "host/firmware.hpp"
#include "io/error.hpp"
#include "iss.hpp"

namespace tern::test {

namespace mmio = spec::mmio;

ChipBench::ChipBench(const spec::ChipConfig& config, const sim::MachineOptions& options)
    : machine_(config, options) {}

Answer ChipBench::load(const io::Image& image, uint64_t address) {
  const spec::ModelDescriptor& m = image.model();
  trace_address = address + spec::align_up(m.work_offset, 64);
  trace_bytes = 1 << 16;
  machine_.reserve_memory(trace_address + (1 << 22));
  machine_.write_memory(address, image.bytes());
  return load_at(address);
}

Answer ChipBench::load_at(uint64_t address) {
  return send({static_cast<uint32_t>(spec::Request::kLoad), static_cast<uint32_t>(address / 64)});
}

Answer ChipBench::reset() { return send({static_cast<uint32_t>(spec::Request::kReset)}); }

Answer ChipBench::generate(const Ask& ask) {
  spec::GenerateRequest request = ask.request;
  if (request.prompt == 0) request.prompt = static_cast<uint32_t>(ask.prompt.size());
  request.stops = static_cast<uint32_t>(ask.stops.size());
  if (spec::fields::generate_flags::kTrace.is_set(request.flags) && request.trace_units == 0) {
    request.trace_addr = static_cast<uint32_t>(trace_address / 64);
    request.trace_units = static_cast<uint32_t>(trace_bytes / 64);
  }
  return send(driver::generate_words(request, ask.stops, ask.prompt));
}

Answer ChipBench::send(const std::vector<uint32_t>& words) {
  answer_ = {};
  outgoing_.assign(words.begin(), words.end());
  run();
  EXPECT_EQ(machine_.error(), 0u);
  EXPECT_TRUE(incoming_.empty());
  EXPECT_FALSE(machine_.working());
  return answer_;
}

bool ChipBench::pump() {
  bool moved = false;
  for (; machine_.mail_words() > 0; machine_.pop_mail(), moved = true) take(machine_.mail());
  for (; !outgoing_.empty() && machine_.mail_room() > 0; outgoing_.pop_front(), moved = true)
    machine_.push_mail(outgoing_.front());
  return moved;
}

void ChipBench::take(uint32_t word) {
  incoming_.push_back(word);
  using namespace spec::fields::reply_word;
  const auto reply = static_cast<spec::Reply>(kKind.get(incoming_[0]));
  const uint32_t payload = kPayload.get(incoming_[0]);
  if (incoming_.size() <= words_after(reply)) return;
  const std::vector<uint32_t> words = std::move(incoming_);
  incoming_.clear();
  if (reply != spec::Reply::kTrace)
    answer_.words.insert(answer_.words.end(), words.begin(), words.end());
  switch (reply) {
    case spec::Reply::kReady:
      EXPECT_EQ(payload, spec::kMailVersion);
      break;
    case spec::Reply::kLoaded:
      answer_.loaded = payload;
      break;
    case spec::Reply::kToken:
      answer_.tokens.push_back(static_cast<int32_t>(payload));
      break;
    case spec::Reply::kDone:
      EXPECT_EQ(payload, answer_.tokens.size());
      answer_.position = words[1];
      answer_.random = uint64_t{words[3]} << 32 | words[2];
      break;
    case spec::Reply::kError:
      answer_.error = static_cast<spec::FirmwareError>(payload);
      answer_.detail = words[1];
      break;
    case spec::Reply::kTrace:
      read_traces(words[1]);
      ++answer_.flushes;
      outgoing_.push_front(static_cast<uint32_t>(spec::Request::kContinue));
      break;
    case spec::Reply::kMemory:
      break;
    default:
      ADD_FAILURE() << "no reply: " << words[0];
  }
}

void ChipBench::read_traces(uint32_t units) {
  std::vector<std::byte> bytes(std::size_t{units} * 64);
  machine_.read_memory(trace_address, bytes);
  for (std::size_t at = 0; at < bytes.size();) {
    spec::TraceRecord r;
    std::memcpy(&r, &bytes[at], sizeof r);
    ASSERT_EQ(r.magic, spec::kTraceMagic);
    Traced traced{std::vector<int32_t>(r.count), {r.scale_m, r.scale_e}};
    std::memcpy(traced.values.data(), &bytes[at + 64], std::size_t{r.count} * 4);
    const TraceKey key{static_cast<int32_t>(r.position), r.layer,
                       static_cast<spec::TracePoint>(r.point), r.head};
    EXPECT_TRUE(traces.emplace(key, std::move(traced)).second)
        << spec::name_of(key.point) << " traced twice";
    at += 64 + spec::align_up(std::size_t{r.count} * 4, 64);
  }
}

namespace {

/// Thrown through the firmware when it waits for a word that will not come: how a run ends.
struct Idle {};

class OnHost : public ChipBench, firmware::HostBus {
 public:
  using ChipBench::ChipBench;

  void freeze_done() override { frozen_ = machine_.read(mmio::kDone); }
  void start() override {
    firmware::Bus::host = this;
    firmware_ = std::make_unique<firmware::Firmware>();
    firmware_->start();
    pump();
  }

 private:
  void run() override {
    firmware::Bus::host = this;
    try {
      for (;;) firmware_->serve();
    } catch (Idle) {
    }
  }
  uint32_t read(uint32_t offset) override {
    if (offset == mmio::kMailState) {
      const bool moved = pump();
      const uint32_t state = machine_.read(offset);
      if (!mmio::mail_state::kWord.is_set(state) && !moved && !machine_.working() && idle_++ > 1) {
        idle_ = 0;
        throw Idle{};
      }
      if (mmio::mail_state::kWord.is_set(state)) idle_ = 0;
      return state;
    }
    if (offset == mmio::kDone && frozen_) return *frozen_;
    if (offset >= mmio::kTopCount && frozen_) return 0;
    return machine_.read(offset);
  }
  void write(uint32_t offset, uint32_t value) override {
    // Behind queues that do not move, commands have no effect.
    if ((offset == mmio::kIssue || offset >= mmio::kScalars) && frozen_) return;
    machine_.write(offset, value);
  }

  std::unique_ptr<firmware::Firmware> firmware_;
  int idle_ = 0;
  std::optional<uint32_t> frozen_;
};

class OnIss : public ChipBench {
 public:
  OnIss(const spec::ChipConfig& config, const sim::MachineOptions& options)
      : ChipBench(config, options),
        iss_(sim::controller_map(config),
             {[this](uint32_t address, uint8_t) -> std::optional<uint32_t> {
                return read(address - spec::kMmioBase);
              },
              [this](uint32_t address, uint8_t strobe, uint32_t data) {
                EXPECT_EQ(strobe, 15);
                machine_.write(address - spec::kMmioBase, data);
                return true;
              },
              {}}) {
    const auto instructions = driver::firmware_instructions();
    const auto data = driver::firmware_data();
    std::memcpy(iss_.instructions().data(), instructions.data(), instructions.size());
    // What the host does not write holds anything.
    std::ranges::fill(iss_.data(), 0xdeadbeef);
    std::memcpy(iss_.data().data(), data.data(), data.size());
    machine_.set_tape_memory(iss_.data());
  }
  void start() override {
    iss_.restart(0);
    run();
  }
  uint64_t instructions() const override { return iss_.instret(); }

 private:
  void run() override {
    waiting_ = 0;
    while (waiting_ < 4) {
      iss_.step();
      if (iss_.trap()) {
        throw Error("trap {} at 0x{:x}, value 0x{:x}", static_cast<int>(iss_.trap()->cause),
                    iss_.trap()->pc, iss_.trap()->value);
      }
    }
  }
  uint32_t read(uint32_t offset) {
    if (offset == mmio::kMailState) {
      const bool moved = pump();
      const uint32_t state = machine_.read(offset);
      const bool idle = !mmio::mail_state::kWord.is_set(state) && !moved && !machine_.working();
      waiting_ = idle ? waiting_ + 1 : 0;
      return state;
    }
    return machine_.read(offset);
  }

  iss::Iss iss_;
  int waiting_ = 0;
};

}  // namespace

std::unique_ptr<ChipBench> ChipBench::on_host(const spec::ChipConfig& config,
                                              const sim::MachineOptions& options) {
  auto bench = std::make_unique<OnHost>(config, options);
  bench->start();
  return bench;
}

std::unique_ptr<ChipBench> ChipBench::on_iss(const spec::ChipConfig& config,
                                             const sim::MachineOptions& options) {
  auto bench = std::make_unique<OnIss>(config, options);
  bench->start();
  return bench;
}

Traces golden_traces(golden::Model& golden, std::span<const int32_t> tokens) {
  Traces out;
  golden.set_trace([&](const TraceEvent& e) {
    if (e.key.point == spec::TracePoint::kKeyBytes || e.key.point == spec::TracePoint::kValueBytes)
      return;
    out[e.key] = {{e.values.begin(), e.values.end()}, {}};
  });
  for (int32_t token : tokens) {
    const int position = golden.position();
    golden.forward(token);
    out[{position, -1, spec::TracePoint::kLogits, -1}].scale = golden.logit_scale();
  }
  golden.set_trace({});
  return out;
}

void expect_same(const Traces& got, const Traces& expected) {
  const auto text = [](const TraceKey& k) {
    return std::string(spec::name_of(k.point)) + " position " + std::to_string(k.position) +
           " layer " + std::to_string(k.layer) + " head " + std::to_string(k.head);
  };
  for (const auto& [key, value] : expected) {
    const auto found = got.find(key);
    ASSERT_NE(found, got.end()) << "missing: " << text(key);
    ASSERT_EQ(found->second.values, value.values) << text(key);
    ASSERT_EQ(found->second.scale.m, value.scale.m) << text(key);
    ASSERT_EQ(found->second.scale.e, value.scale.e) << text(key);
  }
  for (const auto& [key, value] : got)
    ASSERT_TRUE(expected.contains(key)) << "extra: " << text(key);
}

}  // namespace tern::test
