// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "chat.hpp"
#include "commands.hpp"
#include "io/error.hpp"
#include "numbers.hpp"
#include "options.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace tern::cli {
namespace {

struct RunOptions {
  Options common;
  SamplingOptions sampling;
  std::string prompt = "Once upon a time";
  int tokens = 128;
  int group = 0;
  bool chats = false;
  ChatOptions chat;
};

int run(const RunOptions& o) {
  const Stopwatch opening;
  const std::unique_ptr<TextSession> session = open_text_session(o.common);
  Device& device = *session->session.device;
  const io::Tokenizer& tokenizer = *session->tokenizer;
  const std::vector<int> prompt = tokenizer.encode(o.prompt, tokenizer.adds_bos());
  const int64_t context = session->context;
  if (static_cast<int64_t>(prompt.size()) > context) {
    throw Error("the prompt has {} tokens, the model's context {}; shorten the prompt",
                prompt.size(), context);
  }
  const int wanted = static_cast<int>(
      std::min<int64_t>(o.tokens, context - static_cast<int64_t>(prompt.size()) + 1));
  if (wanted < o.tokens && !o.common.quiet) {
    note("tern: {} tokens fit into the context of {} after the prompt\n", wanted, context);
  }
  const double opened = opening.seconds();

  GenerateSettings settings = generate_settings(o.sampling);
  settings.max_new = static_cast<uint32_t>(wanted);
  settings.group = static_cast<uint32_t>(o.group);
  settings.random_state = o.common.seed;
  io::StreamDecoder decoder(tokenizer);
  std::string text;
  const bool computes = device.computes();
  const auto emit = [&](const std::string& piece) {
    if (!computes) return;
    text += piece;
    if (o.common.json) return;
    stream_text(piece);
  };
  for (int id : prompt) emit(decoder.push(id));

  Progress progress(o.common.backend, prompt.size() + static_cast<uint64_t>(wanted),
                    o.common.quiet || !o.common.json);
  // Prefill ends with the first token: what follows is decoding.
  const Stopwatch clock;
  double prefill_seconds = 0;
  Counters before;
  std::optional<MemoryReport> memory_before;
  std::vector<int32_t> ids;
  device.generate(prompt, settings, [&](int32_t token) {
    if (ids.empty()) {
      prefill_seconds = clock.seconds();
      before = device.counters();
      memory_before = device.memory_report();
    }
    ids.push_back(token);
    if (computes && !tokenizer.ends_at(token)) emit(decoder.push(token));
    progress.update(prompt.size() + ids.size());
  });
  const bool ended = !ids.empty() && tokenizer.ends_at(ids.back());
  emit(decoder.finish());
  if (!o.common.json && computes) stream_text("\n");  // before the summary, if both go to one place
  const double all = clock.seconds();
  const double seconds = all - prefill_seconds;
  const int steps = ids.empty() ? 0 : static_cast<int>(ids.size()) - 1;  // tokens decoded
  const double rate = seconds > 0 ? steps / seconds : 0;
  const auto per_token = [&](uint64_t n) {
    return steps > 0 ? static_cast<double>(n) / steps : 0.0;
  };
  const Counters c = device.counters();
  // Like the cycles, those of decoding.
  std::optional<MemoryReport> memory = device.memory_report();
  if (memory && memory_before) memory = memory->since(*memory_before);

  if (o.common.json) {
    nlohmann::json out = {{"backend", o.common.backend},
                          {"model", session->name},
                          {"prompt_tokens", prompt.size()},
                          {"computes", computes},
                          {"ids", computes ? ids : std::vector<int32_t>{}},
                          {"tokens", ids.size()},
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
    if (memory) out["memory"] = memory_json(*memory);
    say_json(out);
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
    note("{}\n", line);
    if (!computes)
      note("{} computes no text: these are the cycles that a chip would take\n", o.common.backend);
    if (c.cycles && steps > 0) note("cycles of decoding: {}\n", describe_cycles(before, c));
    if (memory && steps > 0)
      note("{} at a chip clock of {:.4g} MHz, decoding: {}\n", memory->name, memory->chip_mhz,
           describe_memory(*memory));
  }
  device.end_recordings();
  return 0;
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
    if (prompt->count() > 0) o->chat.prompt = o->prompt;
    o->chat.tokens = o->tokens;
    o->chat.group = o->group;
    action = [o] { return o->chats ? chat(o->common, o->sampling, o->chat) : run(*o); };
  });
}

}  // namespace tern::cli
