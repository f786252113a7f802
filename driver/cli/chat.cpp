// SPDX-License-Identifier: Apache-2.0
#include "chat.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "io/error.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "text_input.hpp"

namespace tern::cli {
namespace {

/// One exchange.
struct Answer {
  std::vector<int> prompt;  ///< The whole conversation before it.
  std::size_t reused = 0;   ///< Tokens of it that were in the KV cache.
  std::vector<int32_t> ids;
  std::string text;
  bool ended = false;  ///< By a token that ends answers, not by their number.
  double seconds = 0;
};

class Conversation {
 public:
  Conversation(TextSession& session, const io::ChatFormat& format, const ChatOptions& options,
               const GenerateSettings& settings)
      : device_(*session.session.device),
        tokenizer_(*session.tokenizer),
        context_(session.context),
        format_(format),
        ends_(format.ends(tokenizer_)),
        tokens_(options.tokens),
        settings_(settings) {
    settings_.stop_tokens.assign(ends_.begin(), ends_.end());
    if (!options.system.empty()) messages_.push_back({io::ChatRole::kSystem, options.system});
  }

  /// `emit` gets the text as it comes, never part of a character.
  Answer ask(const std::string& text, const std::function<void(std::string_view)>& emit);

 private:
  bool ends(int32_t token) const { return std::ranges::find(ends_, token) != ends_.end(); }

  Device& device_;
  const io::Tokenizer& tokenizer_;
  int64_t context_;
  io::ChatFormat format_;
  std::vector<int> ends_;
  int tokens_;
  GenerateSettings settings_;
  std::vector<io::ChatMessage> messages_;
  std::vector<int> cached_;  ///< Tokens whose keys and values the device holds.
};

Answer Conversation::ask(const std::string& text,
                         const std::function<void(std::string_view)>& emit) {
  const Stopwatch clock;
  Answer answer;
  messages_.push_back({io::ChatRole::kUser, text});
  answer.prompt = format_.encode(tokenizer_, messages_);
  const auto size = static_cast<int64_t>(answer.prompt.size());
  if (size > context_) {
    throw Error("the conversation has {} tokens, the model's context {}; begin a new one", size,
                context_);
  }
  // What was run stays, if the conversation still begins with it.
  std::span<const int> rest = answer.prompt;
  if (cached_.size() < rest.size() && std::ranges::equal(cached_, rest.first(cached_.size()))) {
    answer.reused = cached_.size();
    rest = rest.subspan(cached_.size());
  } else {
    device_.reset();
  }
  io::StreamDecoder decoder(tokenizer_, false);
  const auto pass_on = [&](const std::string& piece) {
    answer.text += piece;
    if (!piece.empty()) emit(piece);
  };
  settings_.max_new = static_cast<uint32_t>(std::min<int64_t>(tokens_, context_ - size + 1));
  const Generated made = device_.generate(rest, settings_, [&](int32_t id) {
    answer.ids.push_back(id);
    answer.ended = ends(id);
    if (!answer.ended) pass_on(decoder.push(id));
  });
  settings_.random_state = made.random_state;
  pass_on(decoder.finish());
  // The last token was sampled, but not run.
  cached_ = answer.prompt;
  if (!answer.ids.empty()) cached_.insert(cached_.end(), answer.ids.begin(), answer.ids.end() - 1);
  messages_.push_back({io::ChatRole::kAssistant, answer.text});
  answer.seconds = clock.seconds();
  return answer;
}

nlohmann::json to_json(const std::string& user, const Answer& a) {
  return {{"user", user},     {"prompt_ids", a.prompt},    {"prompt_tokens", a.prompt.size()},
          {"text", a.text},   {"reused_tokens", a.reused}, {"ids", a.ids},
          {"ended", a.ended}, {"seconds", a.seconds}};
}

io::ChatFormat find_format(const TextSession& session, const ChatOptions& options) {
  if (!options.format.empty()) return io::ChatFormat::named(options.format);
  const std::string& jinja = session.tokenizer->vocabulary().chat_template;
  if (jinja.empty())
    throw Error(
        "the model has no chat template, so it may be none for conversations; "
        "--chat-format says which format to use");
  return io::ChatFormat::of_template(jinja);
}

}  // namespace

int chat(const Options& common, const SamplingOptions& sampling, const ChatOptions& options) {
  const std::unique_ptr<TextSession> session = open_text_session(common);
  if (!session->session.device->computes())
    throw Error("{} computes no text, which a conversation needs", common.backend);
  const io::ChatFormat format = find_format(*session, options);
  GenerateSettings settings = generate_settings(sampling);
  settings.group = static_cast<uint32_t>(options.group);
  settings.random_state = common.seed;
  Conversation conversation(*session, format, options, settings);

  nlohmann::json exchanges = nlohmann::json::array();
  const auto exchange = [&](const std::string& text) {
    const Answer answer = conversation.ask(text, [&](std::string_view piece) {
      if (common.json) return;
      stream_text(piece);
    });
    if (common.json) {
      exchanges.push_back(to_json(text, answer));
      return;
    }
    say("\n");
    flush_output();
    if (common.quiet) return;
    fmt::print(stderr, "{} {} prompt ({} of them known) + {} tokens in {:.1f} s{}\n",
               common.backend, answer.prompt.size(), answer.reused, answer.ids.size(),
               answer.seconds, answer.ended ? "" : "; not finished, see --tokens");
  };
  const auto converse = [&] {
    if (options.prompt) return exchange(*options.prompt);
    const bool asks = ::isatty(STDIN_FILENO) != 0 && !common.json;
    const auto ask_for_line = [&](std::string& line) {
      if (asks) fmt::print(stderr, "> ");
      return read_line(std::cin, line);
    };
    for (std::string line; ask_for_line(line);) {
      if (!line.empty()) exchange(line);
    }
  };
  // What was answered before an error is printed all the same.
  std::exception_ptr failure;
  std::string error;
  try {
    converse();
  } catch (const std::exception& e) {
    failure = std::current_exception();
    error = e.what();
  }
  if (common.json) {
    nlohmann::json out = {{"backend", common.backend},
                          {"model", session->name},
                          {"chat_format", format.name()},
                          {"seed", common.seed},
                          {"exchanges", exchanges}};
    if (failure) out["error"] = error;
    say_json(out);
  }
  if (failure) std::rethrow_exception(failure);
  session->session.device->end_recordings();
  return 0;
}

}  // namespace tern::cli
