// SPDX-License-Identifier: Apache-2.0
#include "conversation.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "output.hpp"
#include "progress.hpp"
#include "text_input.hpp"

namespace tern::cli {
namespace {

nlohmann::json to_json(const std::string& user, const Answer& a, double seconds) {
  return {{"user", user},     {"prompt_ids", a.prompt},    {"prompt_tokens", a.prompt.size()},
          {"text", a.text},   {"reused_tokens", a.reused}, {"ids", a.tokens},
          {"ended", a.ended}, {"seconds", seconds}};
}

/// One exchange for `prompt`, or for each line of the input that is not empty.
void exchange_all(const std::optional<std::string>& prompt, bool asks,
                  const std::function<void(const std::string&)>& exchange) {
  if (prompt) return exchange(*prompt);
  const auto ask_for_line = [&](std::string& line) {
    if (asks) fmt::print(stderr, "> ");
    return read_line(std::cin, line);
  };
  for (std::string line; ask_for_line(line);) {
    if (!line.empty()) exchange(line);
  }
}

}  // namespace

int converse(const Options& common, const std::optional<std::string>& prompt,
             const ChatOptions& options) {
  const std::unique_ptr<Session> session = open_session(common);
  Chat chat(*session, options);

  nlohmann::json exchanges = nlohmann::json::array();
  const auto exchange = [&](const std::string& text) {
    const Stopwatch clock;
    const Answer answer = chat.ask(text, [&](std::string_view piece) {
      if (common.json) return;
      stream_text(piece);
    });
    const double seconds = clock.seconds();
    if (common.json) {
      exchanges.push_back(to_json(text, answer, seconds));
      return;
    }
    say("\n");
    flush_output();
    if (common.quiet) return;
    fmt::print(stderr, "{} {} prompt ({} of them known) + {} tokens in {:.1f} s{}\n",
               common.backend, answer.prompt.size(), answer.reused, answer.tokens.size(), seconds,
               answer.ended ? "" : "; not finished, see --tokens");
  };
  // What was answered before an error is printed all the same.
  std::exception_ptr failure;
  std::string error;
  try {
    exchange_all(prompt, ::isatty(STDIN_FILENO) != 0 && !common.json, exchange);
  } catch (const std::exception& e) {
    failure = std::current_exception();
    error = e.what();
  }
  if (common.json) {
    nlohmann::json out = {{"backend", common.backend},
                          {"model", session->model_name()},
                          {"chat_format", chat.format().name()},
                          {"seed", common.seed},
                          {"exchanges", exchanges}};
    if (failure) out["error"] = error;
    say_json(out);
  }
  if (failure) std::rethrow_exception(failure);
  session->device().end_recordings();
  return 0;
}

}  // namespace tern::cli
