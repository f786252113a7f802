// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <random>

#include "backends/options.hpp"
#include "commands.hpp"
#include "golden/model.hpp"
#include "io/error.hpp"
#include "lockstep.hpp"
#include "numbers.hpp"
#include "options.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "spec/numerics/sample.hpp"

namespace tern::cli {
namespace {

struct VerifyOptions {
  Options common;
  std::string prompt = "Once upon a time, there was a little";
  int tokens = 16;
  int group = 0;
  int from = 0;
  uint32_t position = 0;
};

/// Quoted for a POSIX shell.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string rerun_command(const VerifyOptions& o) {
  std::string command = fmt::format("tern verify --backend {} --tokens {} --seed {} --prompt {}",
                                    o.common.backend, o.tokens, o.common.seed, quoted(o.prompt));
  if (o.group) command += fmt::format(" --group {}", o.group);
  if (o.from) command += fmt::format(" --from {}", o.from);
  if (o.position) command += fmt::format(" --position {}", o.position);
  if (o.common.convert.context) command += fmt::format(" --context {}", o.common.convert.context);
  if (o.common.model != TERN_DEFAULT_MODEL)
    command += fmt::format(" --model {}", quoted(o.common.model.string()));
  const BackendOptions& device = o.common.device;
  if (device.differs(sim::kStall)) command += fmt::format(" --stall {}", device.real(sim::kStall));
  if (device.differs(sim::kDram))
    command += fmt::format(" --dram {}", quoted(device.text(sim::kDram)));
  if (device.differs(sim::kClockMhz))
    command += fmt::format(" --clock-mhz {}", device.real(sim::kClockMhz));
  if (device.differs(sim::kLatency))
    command += fmt::format(" --latency {}", device.whole(sim::kLatency));
  return command + " --trace mismatch.fst";
}

/// Keys and values of `positions` tokens at random, with scales from 2^-12 to 2^-4 (24 fraction
/// bits).
KvSource random_caches(const spec::ModelDescriptor& m, uint32_t positions, uint64_t seed) {
  return [&m, positions, seed](uint32_t layer, uint32_t head) {
    std::mt19937_64 random(seed + (uint64_t{layer} << 32) + (uint64_t{head} << 48));
    const auto codes = [&] {
      std::vector<uint8_t> out(std::size_t{positions} * m.head_dim);
      for (uint8_t& code : out) code = static_cast<uint8_t>(random() % spec::kT5Codes);
      return out;
    };
    const auto scales = [&] {
      std::vector<int32_t> out(positions);
      for (int32_t& scale : out)
        scale = static_cast<int32_t>((4096 + random() % 4096) << random() % 8);
      return out;
    };
    return KvHead{codes(), codes(), scales(), scales()};
  };
}

class Verifier {
 public:
  explicit Verifier(const VerifyOptions& o)
      : o_(o), setup_(prepare_setup(o.common)), golden_(*setup_.model.image), lockstep_(golden_) {}

  int run();

 private:
  bool load();
  void seek(bool both);
  bool skip(std::span<const int32_t> tokens);
  bool step(std::span<const int32_t> tokens);
  void run_untraced(const std::vector<int>& prompt, const std::vector<int32_t>& sampled);
  int finish(double seconds, int generated);

  const VerifyOptions& o_;
  Setup setup_;
  golden::Model golden_;
  Lockstep lockstep_;
  std::string failure_;
};

bool Verifier::load() {
  try {
    setup_.device->load(*setup_.model.image);
    seek(true);
  } catch (const Error& e) {
    failure_ = e.what();
    return false;
  }
  return true;
}

/// Gives both the same keys and values of the positions before --position, or the device alone.
void Verifier::seek(bool both) {
  if (o_.position == 0) return;
  const KvSource caches = random_caches(setup_.model.image->model(), o_.position, o_.common.seed);
  if (both) golden_.seek(o_.position, caches);
  setup_.device->seek(o_.position, caches);
}

/// Brings both to a position without comparing; what they compare then depends on all of it.
bool Verifier::skip(std::span<const int32_t> tokens) {
  if (tokens.empty()) return true;
  for (const int32_t token : tokens) lockstep_.expect(std::span(&token, 1));
  GenerateSettings settings = generate_settings({});
  settings.max_new = 0;
  settings.group = static_cast<uint32_t>(o_.group);
  try {
    setup_.device->generate(tokens, settings, {});
  } catch (const Error& e) {
    failure_ = e.what();
    return false;
  }
  return true;
}

bool Verifier::step(std::span<const int32_t> tokens) {
  lockstep_.expect(tokens);
  Logits logits;
  try {
    logits = setup_.device->forward(tokens, static_cast<uint32_t>(o_.group));
  } catch (const Error& e) {
    failure_ = e.what();
    return false;
  }
  lockstep_.finish_group();
  if (lockstep_.mismatch()) return false;
  const bool same = std::equal(logits.values.begin(), logits.values.end(), golden_.logits().begin(),
                               golden_.logits().end()) &&
                    logits.scale.m == golden_.logit_scale().m &&
                    logits.scale.e == golden_.logit_scale().e;
  if (!same)
    failure_ = fmt::format(
        "position {}: the logits that the device returned differ from those that it traced",
        golden_.position() - 1);
  return same;
}

int Verifier::run() {
  const io::Image& image = *setup_.model.image;
  const std::vector<int> prompt = image.tokenizer().encode(o_.prompt, image.tokenizer().adds_bos());
  const uint64_t positions = o_.position + prompt.size() + static_cast<uint64_t>(o_.tokens);
  if (positions > image.model().context) {
    throw Error("position {}, {} prompt and {} generated tokens exceed the model's context of {}",
                o_.position, prompt.size(), o_.tokens, image.model().context);
  }
  // The golden model leads: the device gets the golden model's tokens, so that one wrong value does
  // not hide behind another text.
  spec::Random random{o_.common.seed};
  const GenerateSettings drawn = generate_settings({});
  const spec::SampleSettings settings{drawn.inverse_temperature, drawn.top_k, drawn.top_p_q16};
  Progress progress("verify " + o_.common.backend, positions, o_.common.quiet);
  const Stopwatch clock;
  const auto skipped = static_cast<std::size_t>(o_.from);
  if (skipped >= prompt.size()) {
    throw Error("--from {} leaves nothing of a prompt of {} tokens; give a smaller number", o_.from,
                prompt.size());
  }
  bool ok = load() && skip(std::span(prompt).first(skipped));
  setup_.device->set_trace([this](const TraceEvent& e) { lockstep_.compare(e); });
  ok = ok && step(std::span(prompt).subspan(skipped));
  progress.update(static_cast<uint64_t>(golden_.position()));
  std::vector<int32_t> sampled;
  while (ok && static_cast<int>(sampled.size()) < o_.tokens) {
    sampled.push_back(spec::sample(golden_.logits().data(),
                                   static_cast<int>(golden_.logits().size()), golden_.logit_scale(),
                                   settings, random));
    ok = step(std::span(&sampled.back(), 1));
    progress.update(static_cast<uint64_t>(golden_.position()));
  }
  if (ok && !sampled.empty() && skipped == 0) run_untraced(prompt, sampled);
  const int status = finish(clock.seconds(), static_cast<int>(sampled.size()));
  setup_.device->end_recordings();
  return status;
}

/// The device by itself, from the start again: it draws its own tokens and its units wait for each
/// other alone, not for a trace. The text must be the golden model's.
void Verifier::run_untraced(const std::vector<int>& prompt, const std::vector<int32_t>& sampled) {
  Device& device = *setup_.device;
  device.set_trace({});
  GenerateSettings settings = generate_settings({});
  settings.max_new = static_cast<uint32_t>(sampled.size());
  settings.group = static_cast<uint32_t>(o_.group);
  settings.stop_at_end = false;
  settings.random_state = o_.common.seed;
  std::size_t n = 0;
  try {
    device.reset();
    seek(false);
    device.generate(prompt, settings, [&](int32_t token) {
      if (failure_.empty() && (n >= sampled.size() || token != sampled[n])) {
        failure_ = fmt::format("token {} after the prompt, untraced: the device drew {}, golden {}",
                               n, token, n < sampled.size() ? sampled[n] : -1);
      }
      ++n;
    });
  } catch (const Error& e) {
    failure_ = e.what();
  }
  if (failure_.empty() && n != sampled.size())
    failure_ = fmt::format("untraced, the device drew {} of {} tokens", n, sampled.size());
}

int Verifier::finish(double seconds, int generated) {
  const bool pass = !lockstep_.mismatch() && failure_.empty();
  // A device that failed is not asked again: it may not answer.
  const Counters c = failure_.empty() ? setup_.device->counters() : Counters{};
  if (o_.common.json) {
    nlohmann::json out = {{"pass", pass},
                          {"backend", o_.common.backend},
                          {"positions", golden_.position()},
                          {"vectors", lockstep_.vectors()},
                          {"elements", lockstep_.elements()},
                          {"mismatched_vectors", lockstep_.mismatched_vectors()},
                          {"seconds", seconds},
                          {"cycles", c.cycles},
                          {"beats", c.beats},
                          {"trit_macs", c.trit_macs}};
    if (pass) {
      if (const auto memory = setup_.device->memory_report()) out["memory"] = memory_json(*memory);
    }
    if (lockstep_.mismatch())
      out["mismatch"] = describe(*lockstep_.mismatch(), golden_, rerun_command(o_));
    if (!failure_.empty()) out["failure"] = failure_;
    say_json(out);
    return pass ? 0 : 1;
  }
  if (lockstep_.mismatch()) say_text(describe(*lockstep_.mismatch(), golden_, rerun_command(o_)));
  if (!failure_.empty()) say("FAILURE {}\n  rerun: {}\n", failure_, rerun_command(o_));
  say("{} {}{} {} positions ({} generated), {} vectors, {} elements compared, {} vectors "
      "differ{}\n",
      pass ? "PASS" : "FAIL", plain_line(o_.common.backend),
      o_.common.backend.ends_with(':') ? "" : ":", golden_.position(), generated,
      lockstep_.vectors(), lockstep_.elements(), lockstep_.mismatched_vectors(),
      c.cycles ? fmt::format("; {} cycles, {} beats", c.cycles, c.beats) : "");
  return pass ? 0 : 1;
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  auto o = std::make_shared<VerifyOptions>();
  o->common.backend = "rtl:edge";
  CLI::App* sub =
      app.add_subcommand("verify", "Compare a backend with the golden model, vector by vector");
  add_model_options(*sub, o->common);
  add_context_option(*sub, o->common);
  add_backend_options(*sub, o->common);
  sub->add_option("-p,--prompt", o->prompt, "Text that both run first")->capture_default_str();
  sub->add_option("-n,--tokens", o->tokens, "Tokens to generate and compare after the prompt")
      ->check(within(kTokensOrNone))
      ->capture_default_str();
  sub->add_option("--group", o->group,
                  "Prompt tokens that go through the layers together; 0: as many as the chip can")
      ->check(within(kTokensOrNone));
  sub->add_option("--from", o->from,
                  "Run this many prompt tokens without comparing, and compare from there on")
      ->check(within(kTokensOrNone));
  sub->add_option("--position", o->position,
                  "Position of the prompt's first token; keys and values of those before are drawn "
                  "at random, the same for both")
      ->check(within(kTokensOrNone));
  add_output_options(*sub, o->common);
  sub->callback([o, &action] { action = [o] { return Verifier(*o).run(); }; });
}

}  // namespace tern::cli
