// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "conversation.hpp"
#include "numbers.hpp"
#include "options.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace tern::cli {
namespace {

struct RunOptions {
  Options common;
  Sampling sampling;
  std::string prompt = "Once upon a time";
  int tokens = 128;
  int group = 0;
  bool chats = false;
  bool prompt_given = false;
  ChatOptions chat;
};

TextSettings text_settings(const RunOptions& o) {
  TextSettings settings;
  settings.tokens = static_cast<uint32_t>(o.tokens);
  settings.sampling = o.sampling;
  settings.random_state = o.common.seed;
  settings.group = static_cast<uint32_t>(o.group);
  return settings;
}

/// What was generated, and the time and counts of it. Prefill ends with the first token: what
/// follows is decoding.
struct Run {
  std::size_t prompt = 0;
  GeneratedText made;
  bool computes = true;
  double opened = 0, prefill_seconds = 0, seconds = 0;  ///< Seconds of prefill and decoding.
  Counters before, after;                               ///< Of decoding.
  std::optional<MemoryReport> memory;                   ///< Of decoding.

  /// Tokens decoded.
  int steps() const { return made.tokens.empty() ? 0 : static_cast<int>(made.tokens.size()) - 1; }
  double rate() const { return seconds > 0 ? steps() / seconds : 0; }
  double cycles_per_token() const {
    return steps() > 0 ? static_cast<double>(after.cycles - before.cycles) / steps() : 0.0;
  }
  double per_second(uint64_t count) const {
    return static_cast<double>(count) / (prefill_seconds + seconds);
  }
};

Run generate(const RunOptions& o, Session& session, const std::vector<int32_t>& prompt,
             const TextSettings& settings) {
  Run r;
  Device& device = session.device();
  r.prompt = prompt.size();
  r.computes = device.computes();
  Progress progress(o.common.backend, prompt.size() + settings.tokens,
                    o.common.quiet || !o.common.json);
  const Stopwatch clock;
  std::optional<MemoryReport> memory_before;
  std::size_t tokens = 0;
  r.made = session.generate(prompt, settings, [&](const Piece& piece) {
    if (piece.token && tokens++ == 0) {
      r.prefill_seconds = clock.seconds();
      r.before = device.counters();
      memory_before = device.memory_report();
    }
    if (!o.common.json && r.computes) stream_text(piece.text);
    if (piece.token) progress.update(prompt.size() + tokens);
  });
  if (!o.common.json && r.computes)
    stream_text("\n");  // before the summary, if both go to one place
  r.seconds = clock.seconds() - r.prefill_seconds;
  r.after = device.counters();
  r.memory = device.memory_report();
  if (r.memory && memory_before) r.memory = r.memory->since(*memory_before);
  return r;
}

nlohmann::json to_json(const RunOptions& o, const Session& session, const Run& r) {
  const Counters& c = r.after;
  nlohmann::json out = {{"backend", o.common.backend},
                        {"model", session.model_name()},
                        {"prompt_tokens", r.prompt},
                        {"computes", r.computes},
                        {"ids", r.computes ? r.made.tokens : std::vector<int32_t>{}},
                        {"tokens", r.made.tokens.size()},
                        {"text", r.made.text},
                        {"ended", r.made.ended},
                        {"seed", o.common.seed},
                        {"open_seconds", r.opened},
                        {"prefill_seconds", r.prefill_seconds},
                        {"decode_seconds", r.seconds},
                        {"tokens_per_second", r.rate()}};
  if (c.cycles) {
    out["cycles"] = c.cycles;
    out["cycles_per_token"] = r.cycles_per_token();
    out["beats"] = c.beats;
    out["trit_macs"] = c.trit_macs;
    out["trit_macs_per_second"] = r.per_second(c.trit_macs);
    out["load_beats"] = c.load_beats;
    out["store_beats"] = c.store_beats;
    out["stall_read"] = c.stall_read;
    out["stall_drain"] = c.stall_drain;
    out["stall_wait"] = c.stall_wait;
    out["stall_idle"] = c.stall_idle;
    out["vector_busy"] = c.vector_busy;
    out["commands"] = c.commands;
    out["saturations"] = c.saturations;
  }
  if (r.memory) out["memory"] = memory_json(*r.memory);
  return out;
}

void print_summary(const RunOptions& o, const Run& r) {
  const Counters& c = r.after;
  std::string line =
      fmt::format("{} {} prompt + {} tokens", o.common.backend, r.prompt, r.made.tokens.size());
  if (r.steps() > 0) line += fmt::format(", {:.1f} tokens/s", r.rate());
  if (c.cycles) {
    if (r.steps() > 0) line += fmt::format(", {:.0f} cycles/token", r.cycles_per_token());
    line += fmt::format(", {:.2f} M cycles/s, {:.0f} M trit-MAC/s simulated",
                        r.per_second(c.cycles) * 1e-6, r.per_second(c.trit_macs) * 1e-6);
  }
  note("{}\n", line);
  if (!r.computes)
    note("{} computes no text: these are the cycles that a chip would take\n", o.common.backend);
  if (c.cycles && r.steps() > 0) note("cycles of decoding: {}\n", describe_cycles(r.before, c));
  if (r.memory && r.steps() > 0)
    note("{} at a chip clock of {:.4g} MHz, decoding: {}\n", r.memory->name, r.memory->chip_mhz,
         describe_memory(*r.memory));
}

int run(const RunOptions& o) {
  const Stopwatch opening;
  const std::unique_ptr<Session> session = open_session(o.common);
  const std::vector<int32_t> prompt = session->encode(o.prompt);
  TextSettings settings = text_settings(o);
  settings.echo = true;
  const uint32_t room = session->room(prompt.size());
  if (room < settings.tokens) {
    settings.tokens = room;
    if (!o.common.quiet) {
      note("tern: {} tokens fit into the context of {} after the prompt\n", room,
           session->context());
    }
  }
  const double opened = opening.seconds();
  Run r = generate(o, *session, prompt, settings);
  r.opened = opened;
  if (o.common.json)
    say_json(to_json(o, *session, r));
  else if (!o.common.quiet)
    print_summary(o, r);
  session->device().end_recordings();
  return 0;
}

int chat(const RunOptions& o) {
  ChatOptions options = o.chat;
  options.settings = text_settings(o);
  return converse(o.common, o.prompt_given ? std::optional(o.prompt) : std::nullopt, options);
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
  auto o = std::make_shared<RunOptions>();
  CLI::App* sub = app.add_subcommand("run", "Generate text, streamed as it comes");
  add_model_options(*sub, o->common);
  add_context_option(*sub, o->common);
  add_backend_options(*sub, o->common);
  add_sampling_options(*sub, o->sampling);
  auto* prompt =
      sub->add_option("-p,--prompt", o->prompt, "Text to continue")->capture_default_str();
  sub->add_option("-n,--tokens", o->tokens, "Tokens to generate; ends earlier at an end token")
      ->check(within(kTokens))
      ->capture_default_str();
  sub->add_option("--group", o->group,
                  "Prompt tokens that go through the layers together; 0: as many as the chip can")
      ->check(within(kTokensOrNone));
  add_output_options(*sub, o->common);
  auto* chats = sub->add_flag("--chat", o->chats,
                              "Hold a conversation in the model's chat format: the answer to "
                              "--prompt, or to each line of the standard input");
  sub->add_option("--system", o->chat.system, "With --chat: what the model is told first")
      ->needs(chats);
  sub->add_option("--chat-format", o->chat.format,
                  "With --chat: the format, whatever the model's template says")
      ->check(CLI::IsMember(io::ChatFormat::names()))
      ->needs(chats);
  sub->callback([o, prompt, &action] {
    o->prompt_given = prompt->count() > 0;
    action = [o] { return o->chats ? chat(*o) : run(*o); };
  });
}

}  // namespace tern::cli
