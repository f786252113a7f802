// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "chip_bench.hpp"
#include "gguf_builder.hpp"
#include "io/convert.hpp"
#include "spec/numerics/sample.hpp"
#include "spec/numerics/scale.hpp"

/// Every request of the mailbox, with every field at its limits and beyond them. A refused request
/// says why, takes its words with it, and changes nothing for the next one.
namespace tern::test {
namespace {

using spec::FirmwareError;
using spec::GenerateRequest;
using spec::Request;

constexpr uint32_t word(Request request) { return static_cast<uint32_t>(request); }

class Mailbox : public testing::TestWithParam<spec::ChipConfig> {
 protected:
  Mailbox() : image(tiny_image(GetParam())), bench(ChipBench::on_host(GetParam())) {
    EXPECT_TRUE(bench->load(image).loaded.has_value());
  }

  static const io::Image& tiny_image(const spec::ChipConfig& chip) {
    static std::map<std::string, io::Image> images;
    const auto found = images.find(chip.name);
    if (found != images.end()) return found->second;
    const io::Gguf gguf(tiny_model(11, 2).build(), "tiny");
    return images.emplace(chip.name, io::Image::from_bytes(io::convert(gguf, chip), "tiny"))
        .first->second;
  }

  uint32_t context() const { return image.model().context; }
  uint32_t vocab() const { return image.model().vocab; }
  std::vector<int32_t> tokens(std::size_t n) const {
    std::vector<int32_t> out;
    for (uint32_t i = 0; i < n; ++i)
      out.push_back(static_cast<int32_t>((i * 2654435761u >> 8) % vocab()));
    return out;
  }
  Answer seek(uint32_t position) { return bench->send({word(Request::kSeek), position}); }

  /// From an empty cache.
  Answer generate(const Ask& ask) {
    bench->reset();
    bench->traces.clear();
    return bench->generate(ask);
  }
  Ask some(uint32_t max_new = 3) const {
    Ask ask{tokens(5)};
    ask.request.max_new = max_new;
    return ask;
  }

  void expect_error(const Answer& answer, FirmwareError error, uint32_t detail) {
    ASSERT_TRUE(answer.error.has_value());
    EXPECT_STREQ(spec::name_of(*answer.error), spec::name_of(error));
    EXPECT_EQ(answer.detail, detail);
    EXPECT_TRUE(answer.tokens.empty());
  }

  /// A field of GenerateRequest has these good values and these bad ones. Bad ones are refused by
  /// the field's name; after them the text is what it was.
  template <typename Set>
  void expect_limits(std::size_t field, std::initializer_list<uint32_t> good,
                     std::initializer_list<uint32_t> bad, Set set) {
    const std::vector<int32_t> text = generate(some(1)).tokens;
    for (const uint32_t value : good) {
      Ask ask = some(1);
      set(ask.request, value);
      EXPECT_EQ(generate(ask).tokens.size(), 1u) << "field at " << field << ", " << value;
    }
    for (const uint32_t value : bad) {
      Ask ask = some(1);
      set(ask.request, value);
      SCOPED_TRACE(value);
      expect_error(generate(ask), FirmwareError::kSettings, static_cast<uint32_t>(field));
    }
    EXPECT_EQ(generate(some(1)).tokens, text);
  }

  const io::Image& image;
  std::unique_ptr<ChipBench> bench;
};
INSTANTIATE_TEST_SUITE_P(Configs, Mailbox, testing::Values(spec::kConfigs[0], spec::kConfigs[1]),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(Mailbox, RefusesEveryWordThatIsNoRequest) {
  const auto is_request = [](uint32_t w) {
    return w >= 1 && w <= 7 && w != word(Request::kContinue);
  };
  std::vector<uint32_t> words = {0x80000001, 0x01000002, 0x00010003, 0xffffffff, 0x00000107};
  for (uint32_t w = 0; w < 300; ++w) {
    if (!is_request(w)) words.push_back(w);
  }
  for (const uint32_t w : words) expect_error(bench->send({w}), FirmwareError::kUnknownRequest, w);
  EXPECT_EQ(generate(some()).tokens.size(), 3u);
}

TEST_P(Mailbox, NeedsAModelForWhatWorksOnOne) {
  bench = ChipBench::on_host(GetParam());
  expect_error(bench->generate(some()), FirmwareError::kNoModel, 0);
  expect_error(seek(0), FirmwareError::kNoModel, 0);
  expect_error(seek(1), FirmwareError::kNoModel, 0);
  EXPECT_EQ(bench->reset().position, 0u);
  expect_error(bench->generate(some()), FirmwareError::kNoModel, 0);
}

TEST_P(Mailbox, SeeksToEveryPositionOfTheContextAndNoFurther) {
  for (uint32_t position = 0; position <= context(); ++position) {
    const Answer answer = seek(position);
    EXPECT_FALSE(answer.error.has_value());
    EXPECT_EQ(answer.position, position);
  }
  for (const uint32_t position : {context() + 1, 0x10000u + 3, 0x80000000u, 0xffffffffu}) {
    expect_error(seek(position), FirmwareError::kContext, position);
  }
}

TEST_P(Mailbox, FillsTheContextToItsLastPosition) {
  // The last token that is sampled is not run.
  for (const uint32_t prompt : {1u, 7u, context() - 1, context()}) {
    Ask ask{tokens(prompt)};
    ask.request.max_new = context() - prompt + 1;
    const Answer full = generate(ask);
    EXPECT_EQ(full.tokens.size(), ask.request.max_new);
    EXPECT_EQ(full.position, context());
    ++ask.request.max_new;
    expect_error(generate(ask), FirmwareError::kContext, context() + 1);
  }
  // Positions before the request count.
  seek(context() - 3);
  EXPECT_EQ(bench->generate({tokens(3)}).position, context());
  seek(context() - 3);
  expect_error(bench->generate({tokens(4)}), FirmwareError::kContext, context() + 1);
  seek(context());
  expect_error(bench->generate({tokens(1)}), FirmwareError::kContext, context() + 1);
}

TEST_P(Mailbox, CountsThePositionsOfAnAbsurdRequestWithoutWrapping) {
  for (const uint32_t more : {0x7fffffffu, 0x80000000u, 0xfffffff0u, 0xffffffffu}) {
    Ask ask = some(more);
    const uint64_t needed = 5 + uint64_t{more} - 1;
    const auto told = static_cast<uint32_t>(std::min<uint64_t>(needed, 0xffffffff));
    expect_error(generate(ask), FirmwareError::kContext, told);
  }
  EXPECT_EQ(generate(some()).tokens.size(), 3u);
}

TEST_P(Mailbox, SamplesNoneWhenNoneIsAskedFor) {
  for (const uint32_t max_new : {0u, 1u}) {
    const Answer answer = generate(some(max_new));
    EXPECT_FALSE(answer.error.has_value());
    EXPECT_EQ(answer.tokens.size(), max_new);
    EXPECT_EQ(answer.position, 5u);
  }
}

TEST_P(Mailbox, TakesEveryTokenOfTheVocabularyAndNoOther) {
  const Answer expected = generate(some());
  for (const uint32_t good : {0u, vocab() - 1}) {
    for (const std::size_t at : {0u, 4u}) {
      Ask ask = some();
      ask.prompt[at] = static_cast<int32_t>(good);
      EXPECT_EQ(generate(ask).tokens.size(), 3u);
    }
  }
  for (const uint32_t bad : {vocab(), vocab() + 1, 0x10000u, 0x80000000u, 0xffffffffu}) {
    for (const std::size_t at : {0u, 4u}) {
      for (const uint32_t flags : {0u, 1u}) {
        Ask ask = some();
        ask.prompt[at] = static_cast<int32_t>(bad);
        ask.request.flags = flags;
        expect_error(generate(ask), FirmwareError::kTokenRange, bad);
      }
    }
    EXPECT_EQ(generate(some()).tokens, expected.tokens);
  }
}

TEST_P(Mailbox, NamesTheSettingThatIsOutOfRange) {
  expect_limits(offsetof(GenerateRequest, flags), {0, 1}, {4, 8, 0x100, 0x80000000, 0xffffffff},
                [](GenerateRequest& r, uint32_t v) { r.flags = v; });
  expect_limits(
      offsetof(GenerateRequest, inverse_temperature), {0, 1u << 30, (1u << 30) + 1, (1u << 31) - 1},
      {1, (1u << 30) - 1, 1u << 31, 0xc0000000, 0xffffffff}, [](GenerateRequest& r, uint32_t v) {
        r.inverse_temperature = {v, -30};
      });
  expect_limits(offsetof(GenerateRequest, top_k), {1, 2, spec::kTopK},
                {0, spec::kTopK + 1, 0x100, 0x101, 0x10001, 0xffffffff},
                [](GenerateRequest& r, uint32_t v) { r.top_k = v; });
  expect_limits(offsetof(GenerateRequest, top_p_q16), {0, 1, 65535, 65536},
                {65537, 0x20000, 0x80000000, 0xffffffff},
                [](GenerateRequest& r, uint32_t v) { r.top_p_q16 = v; });
  Ask empty = some();
  empty.prompt.clear();
  expect_error(generate(empty), FirmwareError::kSettings, offsetof(GenerateRequest, prompt));
}

TEST_P(Mailbox, TheGroupChangesNoToken) {
  Ask ask{tokens(13)};
  ask.request.max_new = 4;
  ask.request.inverse_temperature = spec::make_scale(1);
  const Answer expected = generate(ask);
  ASSERT_EQ(expected.tokens.size(), 4u);
  for (const uint32_t group : {1u, 2u, 3u, 8u, 9u, 0x100u, 0x80000000u, 0xffffffffu}) {
    ask.request.group = group;
    const Answer answer = generate(ask);
    EXPECT_EQ(answer.tokens, expected.tokens) << group;
    EXPECT_EQ(answer.random, expected.random) << group;
  }
}

/// All 64 bits of the generator's state come from the request and go back in the answer.
TEST_P(Mailbox, CarriesTheWholeStateOfTheGenerator) {
  Ask ask{tokens(1)};
  ask.request.max_new = 1;
  ask.request.inverse_temperature = spec::make_scale(1);
  for (uint32_t bit = 0; bit < 64; ++bit) {
    const uint64_t state = uint64_t{1} << bit;
    ask.request.random_low = static_cast<uint32_t>(state);
    ask.request.random_high = static_cast<uint32_t>(state >> 32);
    spec::Random random{state};
    random.next();
    EXPECT_EQ(generate(ask).random, random.state) << "bit " << bit;
  }
  ask.request.inverse_temperature = {};
  ask.request.random_low = 0x89abcdef, ask.request.random_high = 0x01234567;
  EXPECT_EQ(generate(ask).random, 0x0123456789abcdefu) << "a greedy request draws nothing";
}

TEST_P(Mailbox, TracesIntoTheSmallestBufferThatHoldsARecordAndNoSmaller) {
  Ask ask = some();
  ask.request.flags = spec::fields::generate_flags::kTrace.mask();
  const Answer whole = generate(ask);
  const Traces expected = bench->traces;
  ask.request.trace_addr = static_cast<uint32_t>(bench->trace_address / 64);
  ask.request.trace_units = 1;
  const Answer told = generate(ask);
  ASSERT_TRUE(told.error.has_value());
  EXPECT_STREQ(spec::name_of(*told.error), spec::name_of(FirmwareError::kTraceBuffer));
  ASSERT_GT(told.detail, 2u);
  for (const uint32_t units : {told.detail, told.detail + 1, told.detail - 1}) {
    ask.request.trace_units = units;
    const Answer answer = generate(ask);
    EXPECT_EQ(answer.error.has_value(), units < told.detail) << units;
    if (units < told.detail) continue;
    EXPECT_EQ(answer.tokens, whole.tokens);
    EXPECT_GT(answer.flushes, whole.flushes);
    expect_same(bench->traces, expected);
  }
}

TEST_P(Mailbox, ReadsAndWritesUnitsOfMemoryAndNothingElse) {
  const auto memory = [&] {
    const auto bytes = bench->machine().memory();
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  // With a model, whose scratchpad must be left alone, and without one at the end of what can be
  // addressed.
  const uint64_t work = bench->trace_address / 64;
  constexpr uint64_t kUnits = uint64_t{1} << 32;
  for (const uint64_t base : {uint64_t{0}, (uint64_t{1} << 26) - 80, kUnits - 160}) {
    const uint64_t first = base == 0 ? work : base;
    if (base != 0) {
      bench = ChipBench::on_host(GetParam(), {.memory_base = 64 * base});
      bench->machine().reserve_memory(64 * (base + 160));
    }
    uint32_t n = 1;
    for (const auto& [at, units] : {std::pair<uint64_t, uint32_t>{first, 1},
                                    {first + 1, 3},
                                    {first + 40, 120},
                                    {first + 159, 1},
                                    {first, 0}}) {
      std::vector<std::byte> expected = memory();
      std::vector<uint32_t> request = {word(Request::kWriteMemory), static_cast<uint32_t>(at),
                                       units};
      for (uint32_t i = 0; i < 16 * units; ++i) request.push_back(n++ * 2654435761u);
      if (units != 0)
        std::memcpy(&expected[64 * (at - base)], &request[3], std::size_t{units} * 64);
      EXPECT_EQ(bench->send(request).words.size(), 4u) << "Done";
      EXPECT_EQ(memory(), expected);
      // Each unit comes as the word Memory and sixteen more.
      std::vector<uint32_t> answer;
      for (uint32_t i = 0; i < units; ++i) {
        answer.push_back(
            spec::fields::reply_word::kKind.put(static_cast<uint32_t>(spec::Reply::kMemory)));
        answer.insert(answer.end(), &request[3 + 16 * i], &request[3 + 16 * i] + 16);
      }
      EXPECT_EQ(bench->send({word(Request::kReadMemory), static_cast<uint32_t>(at), units}).words,
                answer);
      EXPECT_EQ(memory(), expected);
    }
  }
}

TEST_P(Mailbox, KeepsModelAndPositionAcrossTheMemoryWindow) {
  const std::vector<int32_t> text = generate(some(4)).tokens;
  bench->reset();
  Ask first = some(2);
  const Answer before = bench->generate(first);
  const uint64_t at = bench->trace_address / 64;
  std::vector<uint32_t> write = {word(Request::kWriteMemory), static_cast<uint32_t>(at), 2};
  write.resize(3 + 32, 0x55555555);
  EXPECT_EQ(bench->send(write).position, before.position);
  bench->send({word(Request::kReadMemory), static_cast<uint32_t>(at), 2});
  Ask second{{before.tokens[1]}};
  second.request.max_new = 2;
  const Answer after = bench->generate(second);
  EXPECT_EQ(after.tokens, std::vector<int32_t>(text.begin() + 2, text.end()));
}

/// Model, caches and trace buffer may lie anywhere in what the chip can read: across every line of
/// 4 GiB and up to the end.
TEST_P(Mailbox, TheModelMayLieAtEveryAddress) {
  Ask ask{tokens(3)};
  ask.request.max_new = 2;
  ask.request.flags = spec::fields::generate_flags::kTrace.mask();
  const Answer expected = generate(ask);
  const Traces traces = bench->traces;
  const spec::LayerDescriptor& layer = image.layer(1);
  const uint64_t end = (uint64_t{spec::kAddrUnit} << 32) - bench->machine().memory().size();
  // The line runs through weights, caches, the work area, and in front of all.
  for (const uint64_t address :
       {(uint64_t{1} << 32) - layer.matrix[spec::Part::kFfnUp].offset / 64 * 64 - 128,
        (uint64_t{1} << 32) - layer.k_cache / 64 * 64 - 64,
        (uint64_t{1} << 33) - layer.v_cache / 64 * 64 - 64, (uint64_t{1} << 35) - 64,
        (uint64_t{1} << 37) - image.model().rope_table / 64 * 64 - 64, end}) {
    SCOPED_TRACE(address);
    bench = ChipBench::on_host(GetParam(), {.memory_base = address});
    ASSERT_TRUE(bench->load(image, address).loaded.has_value());
    const Answer answer = bench->generate(ask);
    EXPECT_EQ(answer.tokens, expected.tokens);
    expect_same(bench->traces, traces);
  }
}

/// The binary of the cross compiler gives the same words as the sources compiled for the host, in a
/// long sequence of random requests, good and bad.
TEST_P(Mailbox, TheBinaryAnswersRandomRequestsAlike) {
  const auto core = ChipBench::on_iss(GetParam());
  ASSERT_EQ(core->load(image).words, bench->load(image).words);
  // The caches of all positions hold something.
  const Ask all{tokens(context())};
  ASSERT_EQ(core->generate(all).words, bench->generate(all).words);
  std::mt19937 random(5);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  uint32_t errors = 0, good = 0;
  for (int i = 0; i < 80; ++i) {
    Answer a, b;
    const auto both = [&](auto request) { a = request(*bench), b = request(*core); };
    switch (below(8)) {
      case 0:
        both([&, w = random()](ChipBench& c) {
          const auto unknown = static_cast<uint32_t>(w) | 8;
          return c.send({unknown});
        });
        break;
      case 1:
        both([](ChipBench& c) { return c.reset(); });
        break;
      case 2:
        both([&, p = below(context() + 4)](ChipBench& c) {
          return c.send({word(Request::kSeek), p});
        });
        break;
      case 3:
        both([&, at = below(64)](ChipBench& c) {
          return c.send({word(Request::kReadMemory), at, at % 4});
        });
        break;
      default: {
        Ask ask{tokens(1 + below(6))};
        ask.request.max_new = below(4);
        ask.request.group = below(4);
        ask.request.top_k = below(70);
        ask.request.top_p_q16 = below(70000);
        ask.request.inverse_temperature =
            below(2) ? spec::make_scale(1 + below(20), -2) : spec::Scale{below(2), 0};
        ask.request.random_low = static_cast<uint32_t>(random());
        ask.request.random_high = static_cast<uint32_t>(random());
        if (below(6) == 0) ask.prompt.back() = static_cast<int32_t>(vocab() + below(2));
        if (below(4) == 0) bench->reset(), core->reset();
        both([&](ChipBench& c) { return c.generate(ask); });
      }
    }
    ASSERT_EQ(a.words, b.words) << "request " << i;
    (a.error ? errors : good) += 1;
  }
  EXPECT_GT(errors, 10u);
  EXPECT_GT(good, 20u);
}

}  // namespace
}  // namespace tern::test
