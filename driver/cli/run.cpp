#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "io/error.hpp"
#include "options.hpp"
#include "progress.hpp"

namespace tern::cli {
namespace {

struct RunOptions {
  Options common;
  SamplingOptions sampling;
  std::string prompt = "Once upon a time";
  int tokens = 128;
};

int run(const RunOptions& o) {
  const Stopwatch opening;
  Session session = open_session(o.common);
  Device& device = *session.device;
  const io::Image& image = *session.model.image;
  const std::vector<int> prompt = image.tokenizer().encode(o.prompt, true);
  const auto context = static_cast<int64_t>(image.model().context);
  if (static_cast<int64_t>(prompt.size()) > context) {
    throw Error("the prompt has {} tokens, the model's context {}; shorten the prompt",
                prompt.size(), context);
  }
  const int wanted = static_cast<int>(
      std::min<int64_t>(o.tokens, context - static_cast<int64_t>(prompt.size()) + 1));
  if (wanted < o.tokens && !o.common.quiet) {
    fmt::print(stderr, "tern: {} tokens fit into the context of {} after the prompt\n", wanted,
               context);
  }
  const double opened = opening.seconds();

  const spec::SampleSettings settings = sample_settings(o.sampling);
  spec::Random random{o.common.seed};
  io::StreamDecoder decoder(image.tokenizer());
  std::string text;
  const auto emit = [&](const std::string& piece) {
    text += piece;
    if (o.common.json) return;
    fmt::print("{}", piece);
    std::fflush(stdout);
  };
  for (int id : prompt) emit(decoder.push(id));

  Progress progress(o.common.backend, prompt.size() + static_cast<uint64_t>(wanted),
                    o.common.quiet || !o.common.json);
  const Stopwatch prefill;
  Logits logits = device.forward(prompt);
  const double prefill_seconds = prefill.seconds();
  const Counters before = device.counters();
  std::vector<int32_t> ids;
  const Stopwatch decode;
  bool ended = false;
  int steps = 0;  // tokens decoded, which is one less than drawn
  for (int i = 0; i < wanted; ++i) {
    const int32_t next = spec::sample(logits.values.data(), static_cast<int>(logits.values.size()),
                                      logits.scale, settings, random);
    ids.push_back(next);
    ended = next == static_cast<int32_t>(image.model().eos);
    if (ended) break;
    emit(decoder.push(next));
    progress.update(prompt.size() + ids.size());
    if (i + 1 == wanted) break;
    logits = device.forward(std::span(&next, 1));
    ++steps;
  }
  emit(decoder.finish());
  if (!o.common.json) fmt::print("\n");
  const double seconds = decode.seconds();
  const double rate = seconds > 0 ? steps / seconds : 0;
  const auto per_token = [&](uint64_t n) {
    return steps > 0 ? static_cast<double>(n) / steps : 0.0;
  };
  const Counters c = device.counters();
  const double all = prefill_seconds + seconds;

  if (o.common.json) {
    nlohmann::json out = {{"backend", o.common.backend},
                          {"model", image.name()},
                          {"prompt_tokens", prompt.size()},
                          {"ids", ids},
                          {"text", text},
                          {"ended", ended},
                          {"seed", o.common.seed},
                          {"open_seconds", opened},
                          {"prefill_seconds", prefill_seconds},
                          {"decode_seconds", seconds},
                          {"tokens_per_second", rate}};
    if (c.cycles) {
      out["cycles"] = c.cycles;
      out["cycles_per_token"] = per_token(c.cycles - before.cycles);
      out["beats"] = c.beats;
      out["trit_macs"] = c.trit_macs;
      out["trit_macs_per_second"] = static_cast<double>(c.trit_macs) / all;
      out["stall_read"] = c.stall_read;
      out["stall_drain"] = c.stall_drain;
    }
    fmt::print("{}\n", out.dump());
  } else if (!o.common.quiet) {
    std::string line =
        fmt::format("{} {} prompt + {} tokens", o.common.backend, prompt.size(), ids.size());
    if (steps > 0) line += fmt::format(", {:.1f} tokens/s", rate);
    if (c.cycles) {
      if (steps > 0)
        line += fmt::format(", {:.0f} cycles/token", per_token(c.cycles - before.cycles));
      line += fmt::format(", {:.2f} M cycles/s, {:.0f} M trit-MAC/s simulated",
                          static_cast<double>(c.cycles) / all * 1e-6,
                          static_cast<double>(c.trit_macs) / all * 1e-6);
    }
    fmt::print(stderr, "{}\n", line);
  }
  return 0;
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
  auto o = std::make_shared<RunOptions>();
  CLI::App* sub = app.add_subcommand("run", "Generate text, streamed as it comes");
  add_model_options(*sub, o->common);
  add_backend_options(*sub, o->common);
  add_sampling_options(*sub, o->sampling);
  sub->add_option("--prompt", o->prompt, "Text to continue")->capture_default_str();
  sub->add_option("--tokens", o->tokens, "Tokens to generate; ends earlier at the end token")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  add_output_options(*sub, o->common);
  sub->callback([o, &action] { action = [o] { return run(*o); }; });
}

}  // namespace tern::cli
