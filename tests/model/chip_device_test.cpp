// SPDX-License-Identifier: Apache-2.0
// The driver against a script that plays the firmware: the protocol, and what it says about every
// fault.
#include "chip_device.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <numeric>
#include <set>
#include <string>

#include "gguf_builder.hpp"
#include "io/convert.hpp"
#include "io/error.hpp"
#include "io/image.hpp"
#include "scripted_chip.hpp"
#include "spec/numerics/layout.hpp"

namespace tern {
namespace {

namespace reg = spec::reg;
using spec::TracePoint;
using test::ScriptedChip;

constexpr const spec::ChipConfig& kNano = spec::kConfigs[0];
constexpr const spec::ChipConfig& kEdge = spec::kConfigs[1];
constexpr uint64_t kTimeout = 1000;

constexpr std::array<uint32_t, 3> kCode = {0x11, 0x22, 0x33};
constexpr std::array<uint32_t, 2> kData = {0x44, 0x55};

const io::Image& tiny() {
  static const io::Image image = [] {
    const io::Gguf gguf(test::tiny_model(11, 1).build(), "tiny");
    return io::Image::from_bytes(io::convert(gguf, kEdge), "tiny");
  }();
  return image;
}

struct Bench {
  explicit Bench(bool load = true, const spec::ChipConfig& config = kEdge) {
    auto transport = std::make_unique<ScriptedChip>(config);
    chip = transport.get();
    device = make_chip_device(std::move(transport), kTimeout,
                              {std::as_bytes(std::span(kCode)), std::as_bytes(std::span(kData))});
    if (load) device->load(tiny());
  }
  Generated generate(std::vector<int32_t> prompt, uint32_t max_new) {
    GenerateSettings settings;
    settings.max_new = max_new;
    return device->generate(prompt, settings, [this](int32_t t) { tokens.push_back(t); });
  }
  ScriptedChip* chip;
  std::unique_ptr<Device> device;
  std::vector<int32_t> tokens;
};

template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

void expect_parts(const std::string& message, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST(ChipDevice, StartsTheFirmwareAndLoadsTheModel) {
  Bench b;
  EXPECT_EQ(b.chip->starts, 1);
  EXPECT_EQ(b.chip->instructions, std::vector<uint32_t>(kCode.begin(), kCode.end()));
  EXPECT_EQ(b.chip->data, std::vector<uint32_t>(kData.begin(), kData.end()));
  EXPECT_EQ(b.chip->watchdog, kTimeout);
  EXPECT_EQ(b.chip->load_addresses, std::vector<uint32_t>{0});
  EXPECT_EQ(b.chip->memory_writes, 1u);
  EXPECT_EQ(std::memcmp(b.chip->memory.data(), tiny().bytes().data(), tiny().bytes().size()), 0);
  EXPECT_TRUE(b.chip->strays.empty()) << b.chip->strays.front();
}

TEST(ChipDevice, PassesOneRequestAndTakesTheTokens) {
  Bench b;
  GenerateSettings s;
  s.inverse_temperature = {0x50000000, -29};
  s.top_k = 7;
  s.top_p_q16 = 60000;
  s.max_new = 5;
  s.group = 1;
  s.random_state = 0x1'0000'0002;
  std::vector<int32_t> got;
  const Generated g =
      b.device->generate(std::vector<int32_t>{1, 2, 3}, s, [&](int32_t t) { got.push_back(t); });
  EXPECT_EQ(got, (std::vector<int32_t>{100, 101, 102, 103, 104}));
  EXPECT_EQ(g.tokens, 5u);
  EXPECT_EQ(g.random_state, 0x1'0000'0007u);
  EXPECT_EQ(b.device->position(), 7);  // the last token is not run
  ASSERT_EQ(b.chip->requests.size(), 1u);
  const spec::GenerateRequest& r = b.chip->requests[0];
  EXPECT_EQ(r.prompt, 3u);
  EXPECT_EQ(r.max_new, 5u);
  EXPECT_EQ(r.group, 1u);
  EXPECT_EQ(r.flags, 0u);
  EXPECT_EQ(b.chip->stops[0], std::vector<int32_t>{static_cast<int32_t>(tiny().model().eos)});
  EXPECT_EQ(r.inverse_temperature.m, 0x50000000u);
  EXPECT_EQ(r.inverse_temperature.e, -29);
  EXPECT_EQ(r.top_k, 7u);
  EXPECT_EQ(r.top_p_q16, 60000u);
  EXPECT_EQ(r.random_low, 2u);
  EXPECT_EQ(r.random_high, 1u);
  EXPECT_EQ(b.chip->prompts[0], (std::vector<int32_t>{1, 2, 3}));
}

TEST(ChipDevice, SendsPromptsLongerThanTheMailbox) {
  // Most of the mailbox is taken by words that the firmware drops once it is full.
  Bench b;
  std::vector<int32_t> prompt(24);
  std::iota(prompt.begin(), prompt.end(), 0);
  constexpr auto kStale = static_cast<uint32_t>(spec::Request::kContinue);
  b.chip->from_host.assign(spec::kMailDepth - 20, kStale);
  bool was_full = false;
  b.chip->step = [&] {
    was_full |= b.chip->from_host.size() == spec::kMailDepth;
    while (!b.chip->from_host.empty() && b.chip->from_host.front() == kStale)
      b.chip->from_host.pop_front();
    b.chip->serve();
  };
  b.generate(prompt, 1);
  EXPECT_EQ(b.chip->prompts.at(0), prompt);
  EXPECT_TRUE(was_full);
  EXPECT_EQ(b.chip->error, 0u);
}

TEST(ChipDevice, StopsAtAStopTokenAndAtReset) {
  Bench b;
  GenerateSettings settings;
  settings.max_new = 10;
  settings.stop_tokens = {150, 102, 7, 102};
  const std::vector<int32_t> prompt = {1};
  EXPECT_EQ(b.device->generate(prompt, settings, {}).tokens, 3u);
  const auto end = static_cast<int32_t>(tiny().model().eos);
  std::set<int32_t> sent = {7, 102, 150, end};
  EXPECT_EQ(b.chip->stops[0], std::vector<int32_t>(sent.begin(), sent.end()));
  EXPECT_EQ(b.device->position(), 3);
  b.device->reset();
  EXPECT_EQ(b.device->position(), 0);
  EXPECT_EQ(b.chip->position, 0u);
}

TEST(ChipDevice, RefusesMoreStopTokensThanARequestHolds) {
  Bench b;
  GenerateSettings settings;
  settings.max_new = 1;
  const std::vector<int32_t> prompt = {1};
  settings.stop_at_end = false;
  for (int32_t token = 0; token < static_cast<int32_t>(spec::kStopTokens); ++token)
    settings.stop_tokens.push_back(token);
  b.device->generate(prompt, settings, {});
  settings.stop_tokens.push_back(99);
  const auto generate = [&] { b.device->generate(prompt, settings, {}); };
  expect_parts(error_of(generate), {"33 stop tokens", "at most 32"});
  settings.stop_tokens = {-1};
  expect_parts(error_of(generate), {"stop token -1"});
}

/// A record of the trace buffer with its values.
void put_record(ScriptedChip& chip, uint64_t& at, TracePoint point, uint32_t position,
                int32_t layer, const std::vector<int32_t>& values, spec::ScaleBits scale = {}) {
  spec::TraceRecord r{};
  r.magic = spec::kTraceMagic;
  r.point = static_cast<uint32_t>(point);
  r.position = position;
  r.layer = layer;
  r.head = -1;
  r.count = static_cast<uint32_t>(values.size());
  r.cycle = 77;
  r.scale_m = scale.m;
  r.scale_e = scale.e;
  chip.put(at, &r, sizeof r);
  chip.put(at + 64, values.data(), 4 * values.size());
  at += 64 + spec::align_up(4 * values.size(), 64);
}

TEST(ChipDevice, ForwardTakesTheLogitsFromTheTrace) {
  Bench b;
  b.chip->on_generate = [&](const spec::GenerateRequest& r, const std::vector<int32_t>& prompt) {
    if (!spec::fields::generate_flags::kTrace.is_set(r.flags)) return false;
    uint64_t at = uint64_t{r.trace_addr} * 64;
    const uint64_t begin = at;
    put_record(*b.chip, at, TracePoint::kLogits, b.chip->position, -1, {5, -6, 7}, {1u << 30, -9});
    b.chip->reply(spec::Reply::kTrace, 0, {static_cast<uint32_t>((at - begin) / 64)});
    b.chip->finish(r, prompt.size(), 0);
    return true;
  };
  const Logits logits = b.device->forward(std::vector<int32_t>{1, 2, 3});
  EXPECT_EQ(logits.values, (std::vector<int32_t>{5, -6, 7}));
  EXPECT_EQ(logits.scale.m, 1u << 30);
  EXPECT_EQ(logits.scale.e, -9);
  // Without a sink only the last token is traced.
  ASSERT_EQ(b.chip->requests.size(), 2u);
  EXPECT_EQ(spec::fields::generate_flags::kTrace.get(b.chip->requests[0].flags), 0u);
  EXPECT_EQ(b.chip->prompts[1], std::vector<int32_t>{3});
  EXPECT_GE(uint64_t{b.chip->requests[1].trace_addr} * 64, tiny().model().work_offset);
  EXPECT_GE(b.chip->requests[1].trace_units, 2 * tiny().model().vocab / 16);
}

TEST(ChipDevice, TracesGroupByGroupAndReadsTheCaches) {
  Bench b;
  const spec::ModelDescriptor& m = tiny().model();
  const spec::LayerDescriptor& l = tiny().layer(0);
  const uint32_t kv = m.kv_heads * m.head_dim;
  // Dimension d of head h of position p holds 50 + p + h in K, d % 7 + p in V.
  const auto keys = spec::key_cache_shape(m.context, m.head_dim, m.key_block, 64);
  const auto values = spec::value_cache_shape(m.context, m.head_dim, 64);
  for (uint32_t h = 0; h < m.kv_heads; ++h) {
    for (uint32_t p = 0; p < 5; ++p) {
      for (uint32_t d = 0; d < m.head_dim; ++d) {
        b.chip->memory[l.k_cache + h * m.key_cache_bytes + keys.offset(p, d)] =
            std::byte(50 + p + h);
        b.chip->memory[l.v_cache + h * m.value_cache_bytes + values.offset(d, p)] =
            std::byte(d % 7 + p);
      }
    }
  }
  std::map<TraceKey, std::vector<int32_t>> events;
  std::vector<int8_t> inputs;
  b.device->set_trace([&](const TraceEvent& e) {
    EXPECT_TRUE(events.insert({e.key, {e.values.begin(), e.values.end()}}).second);
    EXPECT_EQ(e.cycle, 77u);
    if (e.key.point == TracePoint::kAttnQ) inputs.assign(e.inputs.begin(), e.inputs.end());
  });
  b.chip->on_generate = [&](const spec::GenerateRequest& r, const std::vector<int32_t>& prompt) {
    EXPECT_LE(prompt.size(), 2u);  // while it traces, the mailbox holds nothing else
    EXPECT_EQ(spec::fields::generate_flags::kTrace.get(r.flags), 1u);
    uint64_t at = uint64_t{r.trace_addr} * 64;
    const uint64_t begin = at;
    for (uint32_t i = 0; i < prompt.size(); ++i) {
      const uint32_t p = b.chip->position + i;
      put_record(*b.chip, at, TracePoint::kAttnNorm, p, 0, {1, -127});
      put_record(*b.chip, at, TracePoint::kAttnQ, p, 0, std::vector<int32_t>(17, 9));
      put_record(*b.chip, at, TracePoint::kAttnSubNorm, p, 0, {4});
      put_record(*b.chip, at, TracePoint::kLogits, p, -1, {static_cast<int32_t>(p)});
    }
    b.chip->reply(spec::Reply::kTrace, 0, {static_cast<uint32_t>((at - begin) / 64)});
    b.chip->finish(r, prompt.size(), 0);
    return true;
  };
  EXPECT_EQ(b.device->forward(std::vector<int32_t>{1, 2, 3, 4, 5}).values, std::vector<int32_t>{4});
  EXPECT_EQ(b.chip->prompts.size(), 3u);
  EXPECT_EQ(events.size(), 5u * 6);
  EXPECT_EQ(inputs, (std::vector<int8_t>{1, -127}));
  for (int32_t p = 0; p < 5; ++p) {
    const auto& k = events.at({p, 0, TracePoint::kKeyBytes, -1});
    const auto& v = events.at({p, 0, TracePoint::kValueBytes, -1});
    ASSERT_EQ(k.size(), kv);
    ASSERT_EQ(v.size(), kv);
    for (uint32_t i = 0; i < kv; ++i) {
      EXPECT_EQ(k[i], 50 + p + static_cast<int32_t>(i / m.head_dim) - 121);
      EXPECT_EQ(v[i], static_cast<int32_t>(i % m.head_dim % 7) + p - 121);
    }
  }
}

TEST(ChipDevice, CountsOverRestartsAndWraps) {
  Bench b;
  b.chip->registers[reg::kBeats] = 100;
  b.chip->registers[reg::kCyclesLo] = 7;
  b.chip->registers[reg::kCyclesHi] = 1;
  EXPECT_EQ(b.device->counters().beats, 100u);
  EXPECT_EQ(b.device->counters().cycles, 0x1'0000'0007u);
  b.chip->registers[reg::kBeats] = ~0u;
  b.generate({1}, 1);
  b.chip->registers[reg::kBeats] = 9;
  EXPECT_EQ(b.device->counters().beats, 0x1'0000'0009u);
  b.chip->stop(reg::kErrorParityLsb);
  EXPECT_THROW(b.generate({1}, 1), Error);
  b.generate({1}, 1);  // the reset clears the registers
  EXPECT_EQ(b.device->counters().beats, 0x1'0000'0009u);
  b.chip->registers[reg::kSaturations] = 3;
  b.chip->registers[reg::kStallIdle] = 4;
  EXPECT_EQ(b.device->counters().saturations, 3u);
  EXPECT_EQ(b.device->counters().stall_idle, 4u);
}

TEST(ChipDevice, WaitsAsLongAsThereIsProgress) {
  Bench b;
  int silent = 0;
  b.chip->on_generate = [&](const spec::GenerateRequest& r, const std::vector<int32_t>&) {
    b.chip->registers[reg::kVectorBusy] = 1000;
    b.chip->step = [&b, &silent, r] {
      b.chip->registers[reg::kVectorBusy] = static_cast<uint32_t>(++silent);
      if (silent == 20) b.chip->finish(r, 1, 0);
    };
    return true;
  };
  b.generate({1}, 0);
  EXPECT_EQ(silent, 20);
}

// Faults. After each the chip is started again, without another image, and works.

/// What generate() says when `fault` happens in place of the answer.
void expect_fault(std::function<void(ScriptedChip&)> fault,
                  std::initializer_list<const char*> parts) {
  Bench b;
  b.generate({1}, 3);
  const std::size_t writes = b.chip->memory_writes;
  b.tokens.clear();
  b.chip->on_generate = [&](const spec::GenerateRequest&, const std::vector<int32_t>&) {
    fault(*b.chip);
    return true;
  };
  const std::string message = error_of([&] { b.generate({1, 2}, 4); });
  expect_parts(message, {"chip edge", "2 tokens at position 3 and up to 4 more"});
  expect_parts(message, parts);
  EXPECT_TRUE(b.tokens.empty());
  EXPECT_EQ(b.device->position(), 0);
  b.chip->on_generate = nullptr;
  b.chip->error = 0;
  EXPECT_EQ(b.generate({1, 2}, 4).tokens, 4u) << message;
  EXPECT_EQ(b.chip->starts, 2);
  EXPECT_EQ(b.chip->load_addresses.size(), 2u);
  EXPECT_EQ(b.chip->memory_writes, writes);
}

TEST(ChipFaults, BitsOfErrorAreExplained) {
  const auto bit = [](uint32_t lsb, std::initializer_list<const char*> parts) {
    expect_fault([lsb](ScriptedChip& c) { c.stop(lsb); }, parts);
  };
  bit(reg::kErrorBusReadLsb, {"(bus_read)", "refused a read"});
  bit(reg::kErrorBusWriteLsb, {"(bus_write)", "refused a write"});
  bit(reg::kErrorIllegalCodeLsb, {"(illegal_code)", "load the model again"});
  bit(reg::kErrorBadCommandLsb, {"(bad_command)", "differ in version"});
  bit(reg::kErrorParityLsb, {"(parity)", "damaged on its way"});
  bit(reg::kErrorWatchdogLsb, {"(watchdog)", "no progress"});
  bit(reg::kErrorMailOverflowLsb, {"(mail_overflow)", "no room in the mailbox"});
  bit(20, {"bits 0x100000", "does not know"});
}

TEST(ChipFaults, WordsThatComeWithAnErrorAreNotBelieved) {
  expect_fault(
      [](ScriptedChip& c) {
        c.reply(spec::Reply::kToken, 42);
        c.stop(reg::kErrorParityLsb);
      },
      {"(parity)"});
}

TEST(ChipFaults, TrapsNameCausePcAndValue) {
  expect_fault(
      [](ScriptedChip& c) {
        c.registers[reg::kTrapCause] = 5;
        c.registers[reg::kTrapPc] = 0x1234;
        c.registers[reg::kTrapValue] = 0x90000000;
        c.stop(reg::kErrorTrapLsb);
      },
      {"(trap)", "load where there is nothing (cause 5) at pc 0x00001234, value 0x90000000"});
}

TEST(ChipFaults, TheFirmwaresRefusalsAreSpelledOut) {
  using E = spec::FirmwareError;
  const auto refusal = [](E error, uint32_t detail, std::initializer_list<const char*> parts) {
    expect_fault([=](ScriptedChip& c) { c.refuse(error, detail); }, parts);
  };
  refusal(E::kUnknownRequest, 0xabc, {"0x00000abc is no request"});
  refusal(E::kNoModel, 0, {"no model was loaded"});
  refusal(E::kImageMagic, 0x12, {"no .tern image", "0x00000012"});
  refusal(E::kImageVersion, 9, {"format version 9"});
  refusal(E::kImageColumns, 8, {"beats of 8 bytes"});
  refusal(E::kModelChecksum, 0x77, {"model descriptor", "0x00000077"});
  refusal(E::kLayerChecksum, 3, {"descriptor of layer 3"});
  refusal(E::kModelShape, 16, {"byte 16 of the model descriptor"});
  refusal(E::kLayerShape, 5 << 16 | 64, {"layer 5", "byte 64"});
  refusal(E::kMatrixLayout, 5 << 16 | 64, {"layer 5", "byte 64", "built without"});
  refusal(E::kMatrixLayout, 0xffff0000 | 16, {"the model descriptor", "byte 16"});
  refusal(E::kTooManyLayers, 99, {"99 layers"});
  refusal(E::kScratchpad, 20000, {"20000 words of scratchpad"});
  refusal(E::kActivations, 300, {"300 tiles"});
  refusal(E::kContext, 600, {"600 positions"});
  refusal(E::kTokenRange, 7777, {"token 7777"});
  refusal(E::kSettings, 24, {"byte 24 of the request"});
  refusal(E::kTraceBuffer, 10, {"record of 640 bytes"});
  refusal(E::kTimeout, 0x04030201, {"1 LOAD, 2 MATMUL, 3 VECTOR and 4 STORE"});
  refusal(static_cast<E>(200), 1, {"error 200"});
}

TEST(ChipFaults, SilenceEndsAfterTheTimeout) {
  expect_fault([](ScriptedChip&) {},
               {"sent no word", "no progress within 1000 cycles", "STATUS 0x4"});
}

TEST(ChipFaults, WhatIsNoProtocolIsRefused) {
  expect_fault([](ScriptedChip& c) { c.to_host.push_back(0x99000000); },
               {"0x99000000, which is no reply"});
  expect_fault([](ScriptedChip& c) { c.reply(spec::Reply::kLoaded, 2); },
               {"replied loaded to a request for tokens"});
  expect_fault([](ScriptedChip& c) { c.reply(spec::Reply::kToken, 0xffffff); },
               {"sampled token 16777215"});
  expect_fault(
      [](ScriptedChip& c) {
        c.reply(spec::Reply::kDone, 0, {6, 0, 0});
      },
      {"0 tokens and position 6", "the position is 5"});
  expect_fault([](ScriptedChip& c) { c.reply(spec::Reply::kTrace, 0, {0xffffff}); },
               {"bytes in a trace buffer of"});
}

TEST(ChipFaults, ATraceThatIsNoneIsRefused) {
  Bench b;
  b.chip->on_generate = [&](const spec::GenerateRequest&, const std::vector<int32_t>&) {
    b.chip->reply(spec::Reply::kTrace, 0, {2});
    return true;
  };
  expect_parts(error_of([&] { b.device->forward(std::vector<int32_t>{1}); }),
               {"trace: the record at 0x", "begins with 0x00000000"});
  b.chip->on_generate = nullptr;
  expect_parts(error_of([&] { b.device->forward(std::vector<int32_t>{1}); }),
               {"no logits of position 0"});
  EXPECT_EQ(b.generate({1}, 1).tokens, 1u);
}

TEST(ChipFaults, AMailboxThatStaysFullEndsTheWait) {
  Bench b;
  b.chip->step = [] {};
  for (uint32_t i = 0; i < spec::kMailDepth; ++i) b.chip->from_host.push_back(0);
  expect_parts(error_of([&] { b.generate({1}, 1); }), {"took no more words", "within 1000 cycles"});
}

TEST(ChipFaults, AnErrorEndsAPromptThatIsStillBeingSent) {
  Bench b;
  b.chip->step = [&] {
    if (b.chip->from_host.size() == spec::kMailDepth)
      b.chip->refuse(spec::FirmwareError::kSettings, 4);
  };
  for (int i = 0; i < 40; ++i) b.chip->from_host.push_back(0);
  expect_parts(error_of([&] { b.generate(std::vector<int32_t>(24, 1), 1); }),
               {"byte 4 of the request"});
}

TEST(ChipFaults, FirmwareThatDoesNotStartIsNamed) {
  Bench silent(false);
  silent.chip->step = [] {};
  expect_parts(error_of([&] { silent.device->load(tiny()); }),
               {"chip edge", "start of the firmware", "sent no word", "within 1000 cycles"});
  Bench other(false);
  other.chip->version = 9;
  expect_parts(error_of([&] { other.device->load(tiny()); }),
               {"speaks version 9 of the mailbox protocol"});
  Bench busy(false);
  busy.chip->registers[reg::kStatus] = 1;
  expect_parts(error_of([&] { busy.device->load(tiny()); }),
               {"stays busy after a soft reset", "memory"});
}

TEST(ChipFaults, AModelThatIsRefusedIsNotThere) {
  Bench b(false);
  b.chip->step = [&] {
    if (b.chip->from_host.empty()) return b.chip->serve();
    b.chip->from_host.clear();
    b.chip->refuse(spec::FirmwareError::kImageVersion, 1);
  };
  expect_parts(error_of([&] { b.device->load(tiny()); }), {"load of the model", "version 1"});
  EXPECT_THROW(b.generate({1}, 1), Error);
  b.chip->step = [&] { b.chip->serve(); };
  b.device->load(tiny());
  EXPECT_EQ(b.generate({1}, 1).tokens, 1u);
}

TEST(ChipFaults, AStrangerIsRefused) {
  const auto with = [](uint32_t offset, uint32_t value, std::initializer_list<const char*> parts) {
    auto chip = std::make_unique<ScriptedChip>(kEdge);
    chip->registers[offset] = value;
    expect_parts(error_of([&] { make_chip_device(std::move(chip), kTimeout, {}); }), parts);
  };
  with(reg::kId, 0x1234, {"chip edge", "0x00001234"});
  with(reg::kVersion, 99 << 16, {"version 99"});
  with(reg::kConfig, 1, {"0x00000001", "another configuration"});
  with(reg::kConfig3, 2, {"0x00000002", "another configuration"});
  const std::vector<std::byte> large(kEdge.instr_bytes + 4);
  expect_parts(error_of([&] {
                 make_chip_device(std::make_unique<ScriptedChip>(kEdge), kTimeout, {large, {}});
               }),
               {"65540 bytes of instructions"});
}

TEST(ChipFaults, RequestsThatCannotBeAreRefusedBeforeTheyAreSent) {
  Bench empty(false);
  EXPECT_THROW(empty.generate({1}, 1), Error);
  Bench b;
  b.generate(std::vector<int32_t>(20, 1), 0);
  expect_parts(error_of([&] { b.generate(std::vector<int32_t>(5, 1), 0); }),
               {"5 tokens from position 20", "context of 24"});
  expect_parts(error_of([&] { b.generate({1}, 5); }), {"5 tokens from position 20"});
  EXPECT_EQ(b.device->position(), 20);
  EXPECT_EQ(b.generate({1}, 4).tokens, 4u);
  b.device->reset();
  EXPECT_THROW(b.generate({-1}, 1), Error);
  EXPECT_THROW(b.generate({1 << 20}, 1), Error);
  EXPECT_THROW(b.generate({}, 1), Error);
  GenerateSettings s;
  s.top_k = 65;
  EXPECT_THROW(b.device->generate(std::vector<int32_t>{1}, s, {}), Error);
  EXPECT_EQ(b.chip->starts, 1);
}

TEST(ChipFaults, ModelsForOtherChipsAreRefused) {
  Bench nano(false, kNano);
  expect_parts(error_of([&] { nano.device->load(tiny()); }),
               {"tiny", "beats of 64 bytes", "configuration nano has 8", "for configuration nano"});
  spec::ChipConfig small = kEdge;
  small.act_depth = 3;
  Bench narrow(false, small);
  expect_parts(error_of([&] { narrow.device->load(tiny()); }),
               {"tiny", "6 tiles of activations", "configuration edge has 3", "--act-depth 6"});
  small = kEdge;
  small.acc_depth = 7;
  Bench shallow(false, small);
  expect_parts(error_of([&] { shallow.device->load(tiny()); }),
               {"tiny", "4 heads of 64", "configuration edge takes an even width of up to 35"});
}

TEST(DeviceOpen, SplitsNameAndArgumentAndListsWhatIsKnown) {
  std::string seen;
  const auto open = [&](std::string_view argument, const DeviceSettings&) {
    seen = argument;
    return make_chip_device(std::make_unique<ScriptedChip>(kNano), kTimeout, {});
  };
  register_backend({"test", "for this test", {}, open});
  EXPECT_EQ(Device::open("test:a:b")->config()->columns, kNano.columns);
  EXPECT_EQ(seen, "a:b");
  EXPECT_NE(Device::open("test"), nullptr);
  EXPECT_EQ(seen, "");
  expect_parts(error_of([] { Device::open("fpga:0"); }),
               {"unknown backend \"fpga:0\"", "test: for this test"});
}

}  // namespace
}  // namespace tern
