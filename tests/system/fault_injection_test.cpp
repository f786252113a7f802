// SPDX-License-Identifier: Apache-2.0
// Random faults while the simulated chip generates text. Whatever happens, it ends; no token is
// wrong without an error; the error says why; and without the fault the same device works again.
//
// TERN_FAULTS=n: n injections for each chip. TERN_FIRST_FAULT=i: from number i on.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <map>
#include <optional>

#include "chip_device.hpp"
#include "faulty_transport.hpp"
#include "firmware_image.hpp"
#include "golden/model.hpp"
#include "io/convert.hpp"
#include "io/image.hpp"
#include "spec/numerics/sample.hpp"

namespace tern::test {
namespace {

using Memory = sim::MemoryFault::Kind;
using Storm = FaultyTransport::Storm;

constexpr uint64_t kTimeout =
    600'000;  ///< Half of it is longer than the firmware takes to load a model.
constexpr uint64_t kForEver = uint64_t{1} << 60;

enum class Kind {
  kReadError,
  kWriteError,
  kFlippedRead,
  kFlippedWrite,
  kPause,
  kHang,
  kHeader,
  kModelDescriptor,
  kLayerDescriptor,
  kMailStorm,
  kWindowStorm,
  kControlStorm,
};

/// How a request ended: what its error's text has, what the table calls it.
struct Outcome {
  const char* text;
  const char* name;
};
enum : unsigned {
  kRight,
  kBusRead,
  kBusWrite,
  kParity,
  kWatchdog,
  kSilent,
  kBusy,
  kRefused,
  kOther
};
constexpr Outcome kOutcomes[] = {
    {nullptr, "right text"},
    {"(bus_read", "bus_read"},
    {"(bus_write", "bus_write"},
    {"damaged on its way", "parity"},
    {"no progress for as long as the time-out", "watchdog"},
    {"made no progress within", "no progress"},
    {"stays busy after a soft reset", "stays busy"},
    {"the firmware refused", "refused"},
    {"", "other"},
};
constexpr std::size_t kOutcomeCount = std::size(kOutcomes);

constexpr unsigned only(std::initializer_list<unsigned> outcomes) {
  unsigned set = 0;
  for (unsigned o : outcomes) set |= 1u << o;
  return set;
}

struct KindInfo {
  const char* name;
  unsigned allowed;
};
constexpr KindInfo kKinds[] = {
    {"read error", only({kRight, kBusRead})},
    {"write error", only({kRight, kBusWrite})},
    {"flipped read bit", only({kRight, kParity})},
    {"flipped write bit", only({kRight, kBusWrite})},
    {"stuck for a while", only({kRight})},
    {"stuck for long", only({kRight, kWatchdog, kBusy})},
    {"image header", only({kRight, kRefused, kBusRead})},
    {"model descriptor", only({kRefused})},
    {"layer descriptor", only({kRefused})},
    {"mail storm", ~0u},
    {"window storm", only({kRight})},
    {"control storm", ~0u},
};
constexpr std::size_t kKindCount = std::size(kKinds);

/// A request, what the golden model answers, and what the chip takes for it.
struct Text {
  std::vector<int32_t> prompt;
  GenerateSettings settings;
  std::vector<int32_t> tokens;
  uint64_t random_state = 0;
  uint64_t cycles = 0, read_beats = 0, write_beats = 0;
};

Text make_text(const io::Image& image, std::size_t prompt, uint32_t max_new, double temperature,
               uint64_t seed) {
  Text t;
  std::mt19937_64 random(seed);
  t.prompt.push_back(static_cast<int32_t>(image.model().bos));
  while (t.prompt.size() < prompt)
    t.prompt.push_back(static_cast<int32_t>(random() % image.model().vocab));
  if (temperature > 0)
    t.settings.inverse_temperature =
        spec::make_scale(static_cast<uint64_t>((1 / temperature) * 0x1p32), -32);
  t.settings.top_k = 40;
  t.settings.max_new = max_new;
  t.settings.stop_at_end = false;
  t.settings.random_state = seed;

  golden::Model golden(image);
  spec::Random state{seed};
  for (int32_t token : t.prompt) golden.forward(token);
  while (t.tokens.size() < max_new) {
    if (!t.tokens.empty()) golden.forward(t.tokens.back());
    t.tokens.push_back(spec::sample(
        golden.logits().data(), static_cast<int>(golden.logits().size()), golden.logit_scale(),
        {t.settings.inverse_temperature, t.settings.top_k, t.settings.top_p_q16}, state));
  }
  t.random_state = state.state;
  return t;
}

/// What a request did.
struct Answer {
  std::vector<int32_t> tokens;
  std::optional<std::string> error;
  unsigned outcome = kRight;
};

class FaultInjection : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const io::Gguf gguf{std::filesystem::path(TERN_DEMO_MODEL)};
    const spec::ChipConfig& config = spec::kConfigs[GetParam() == std::string("nano") ? 0 : 1];
    image_.emplace(io::Image::from_bytes(io::convert(gguf, config), "demo"));
    texts_ = {make_text(*image_, 2, 4, 0, 1), make_text(*image_, 1, 5, 0.8, 2),
              make_text(*image_, 3, 4, 1.0, 3), make_text(*image_, 1, 6, 0, 4)};
    short_ = make_text(*image_, 1, 2, 0.9, 5);
    open();
    for (Text& t : texts_) {
      const uint64_t cycles = chip().cycles(), reads = chip().read_beats(),
                     writes = chip().write_beats();
      ASSERT_EQ(ask(t).tokens, t.tokens);
      t.cycles = chip().cycles() - cycles;
      t.read_beats = chip().read_beats() - reads;
      t.write_beats = chip().write_beats() - writes;
    }
  }

  void open() {
    auto transport = std::make_unique<FaultyTransport>(GetParam());
    transport_ = transport.get();
    device_ = make_chip_device(std::move(transport), kTimeout,
                               {driver::firmware_instructions(), driver::firmware_data()});
    device_->load(*image_);
  }
  sim::VerilatedChip& chip() { return transport_->chip(); }

  /// Loads the model when asked to, then generates from an empty context. Throws Hang.
  Answer ask(const Text& text, bool load = false) {
    transport_->limit(chip().cycles() + 20 * text.cycles + 20'000'000);
    Answer a;
    try {
      if (load) device_->load(*image_);
      device_->reset();
      const Generated g = device_->generate(text.prompt, text.settings,
                                            [&](int32_t token) { a.tokens.push_back(token); });
      if (a.tokens != text.tokens || g.random_state != text.random_state)
        a.error = "wrong tokens without an error";
    } catch (const Error& e) {
      a.error = e.what();
      for (a.outcome = kRight + 1; a.error->find(kOutcomes[a.outcome].text) == std::string::npos;)
        ++a.outcome;
    }
    return a;
  }

  /// Sets one fault; returns whether the model is to be loaded again for it to strike.
  bool inject(Kind kind, const Text& text, std::mt19937_64& random) {
    const auto below = [&](uint64_t n) { return random() % n; };
    const uint64_t cycle = chip().cycles() + below(text.cycles);
    const uint64_t read = chip().read_beats() + below(text.read_beats);
    const uint64_t write = chip().write_beats() + below(text.write_beats);
    const auto bit = static_cast<uint32_t>(below(8 * image_->columns()));
    constexpr Memory kStuck[] = {Memory::kStuckAddress, Memory::kStuckData, Memory::kStuckResponse};
    const Memory stuck = kStuck[below(3)];
    const auto struck = [&](uint64_t offset, uint64_t bytes) {
      transport_->damage(8 * offset + below(8 * bytes));
      return true;
    };
    const auto storm = [&](Storm s) {
      transport_->storm(s, random(), cycle, static_cast<int>(1 + below(100)));
      return false;
    };
    switch (kind) {
      case Kind::kReadError:
        chip().inject({Memory::kReadError, read, 0, 0});
        return below(4) == 0;
      case Kind::kWriteError:
        chip().inject({Memory::kWriteError, write, 0, 0});
        return false;
      case Kind::kFlippedRead:
        chip().inject({Memory::kFlipRead, read, bit, 0});
        return below(4) == 0;
      case Kind::kFlippedWrite:
        chip().inject({Memory::kFlipWrite, write, bit, 0});
        return false;
      case Kind::kPause:
        chip().inject({stuck, cycle, 0, 1 + below(below(2) == 0 ? 1000 : kTimeout / 4)});
        return below(4) == 0;
      case Kind::kHang:
        chip().inject(
            {stuck, cycle, 0, below(2) == 0 ? 2 * kTimeout + below(10 * kTimeout) : kForEver});
        return below(4) == 0;
      case Kind::kHeader:
        return struck(0, sizeof(spec::ImageHeader));
      case Kind::kModelDescriptor:
        return struck(image_->header().model, offsetof(spec::ModelDescriptor, reserved));
      case Kind::kLayerDescriptor:
        return struck(image_->model().layer_table +
                          below(image_->model().layers) * sizeof(spec::LayerDescriptor),
                      offsetof(spec::LayerDescriptor, reserved));
      case Kind::kMailStorm:
        return storm(Storm::kMail);
      case Kind::kWindowStorm:
        return storm(Storm::kWindow);
      case Kind::kControlStorm:
        return storm(Storm::kControl);
    }
    return false;
  }

  /// One injection; what went against the rules, or nothing.
  std::string strike(Kind kind, std::mt19937_64& random) {
    const Text& text = texts_[random() % texts_.size()];
    const unsigned allowed = kKinds[static_cast<int>(kind)].allowed;
    const bool storm = kind >= Kind::kMailStorm;
    const Counters before = device_->counters();
    const bool load = inject(kind, text, random);
    const Answer a = ask(text, load);
    ++table_[static_cast<std::size_t>(kind)][a.outcome];
    if (!transport_->broken().empty()) return transport_->broken();
    if (a.outcome == kRight && a.error) return *a.error;
    if (!(allowed >> a.outcome & 1) || (a.error && a.error->find("assertion") != std::string::npos))
      return a.error.value_or("nobody noticed");
    if (a.error && a.error->rfind(fmt::format("chip {}: ", GetParam()), 0) != 0)
      return "does not say what it was doing: " + *a.error;
    if (!storm && !std::equal(a.tokens.begin(), a.tokens.end(), text.tokens.begin()))
      return "a wrong token before the error: " + *a.error;
    if (kind == Kind::kHang && a.error) {
      // As long as the memory hangs, there is nothing but errors.
      const Answer again = ask(text);
      if (!(allowed >> again.outcome & 1)) return again.error.value_or("no error");
      if (again.error) ++again_[again.outcome];
    }
    return recover(kind, before);
  }

  /// Without the fault the device works. Words that a storm left behind may cost one request.
  std::string recover(Kind kind, const Counters& before) {
    transport_->clear();
    const bool damaged = kind >= Kind::kHeader && kind <= Kind::kLayerDescriptor;
    std::string error;
    for (int tries = kind >= Kind::kMailStorm ? 2 : 1; tries > 0; --tries) {
      const Answer a = ask(short_, damaged);
      if (!a.error) {
        const Counters now = device_->counters();
        const bool sane = now.cycles >= before.cycles && now.cycles <= chip().cycles() &&
                          now.beats >= before.beats;
        if (!sane && kind != Kind::kControlStorm)
          return fmt::format("counts {} cycles and {} beats after {} and {}", now.cycles, now.beats,
                             before.cycles, before.beats);
        return "";
      }
      error = *a.error;
    }
    return "does not recover: " + error;
  }

  void print_table() const {
    fmt::print("{:<18}{:>11}", GetParam(), "injections");
    for (const Outcome& o : kOutcomes) fmt::print("{:>12}", o.name);
    const auto row = [](const char* name, const std::array<int, kOutcomeCount>& counts) {
      int sum = 0;
      for (int n : counts) sum += n;
      fmt::print("\n{:<18}{:>11}", name, sum);
      for (int n : counts) fmt::print("{:>12}", n);
    };
    for (std::size_t k = 0; k < kKindCount; ++k) row(kKinds[k].name, table_[k]);
    row("still stuck", again_);
    fmt::print("\n");
  }

  std::optional<io::Image> image_;
  std::vector<Text> texts_;
  Text short_;
  FaultyTransport* transport_ = nullptr;
  std::unique_ptr<Device> device_;
  std::array<std::array<int, kOutcomeCount>, kKindCount> table_{};
  std::array<int, kOutcomeCount> again_{};
};
INSTANTIATE_TEST_SUITE_P(Chips, FaultInjection, testing::Values("nano", "edge"),
                         [](const auto& test) { return std::string(test.param); });

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST_P(FaultInjection, EndsInTheRightTextOrInAnErrorThatSaysWhy) {
  const uint64_t first = number_from("TERN_FIRST_FAULT", 0);
  const uint64_t count = number_from("TERN_FAULTS", 24);
  for (uint64_t i = first; i < first + count; ++i) {
    std::mt19937_64 random(i);
    const auto kind = static_cast<Kind>(i % kKindCount);
    std::string trouble;
    try {
      trouble = strike(kind, random);
    } catch (const Hang&) {
      trouble = "hangs";
    }
    if (trouble.empty()) continue;
    ADD_FAILURE() << "injection " << i << ", " << kKinds[i % kKindCount].name << ": " << trouble
                  << "\n  rerun: TERN_FIRST_FAULT=" << i << " TERN_FAULTS=1";
    open();
  }
  print_table();
}

}  // namespace
}  // namespace tern::test
