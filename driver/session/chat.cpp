// SPDX-License-Identifier: Apache-2.0
#include "tern/chat.hpp"

#include <utility>

#include "io/error.hpp"

namespace tern {
namespace {

io::ChatFormat find_format(const Session& session, const ChatOptions& options) {
  if (!session.device().computes())
    throw Error("{} computes no text, which a conversation needs", session.backend());
  if (!options.format.empty()) return io::ChatFormat::named(options.format);
  const std::string& jinja = session.tokenizer().vocabulary().chat_template;
  if (jinja.empty())
    throw Error(
        "the model has no chat template, so it may be none for conversations; "
        "{} says which format to use",
        options.format_flag);
  return io::ChatFormat::of_template(jinja);
}

}  // namespace

Chat::Chat(Session& session, const ChatOptions& options)
    : session_(session),
      format_(find_format(session, options)),
      system_(options.system),
      settings_(options.settings) {
  const std::vector<int> ends = format_.ends(session.tokenizer());
  settings_.stop_tokens.insert(settings_.stop_tokens.end(), ends.begin(), ends.end());
  settings_.echo = false;
  restart();
}

void Chat::restart() {
  messages_.clear();
  if (!system_.empty()) messages_.push_back({io::ChatRole::kSystem, system_});
}

Answer Chat::ask(const std::string& text, const std::function<void(std::string_view)>& emit) {
  messages_.push_back({io::ChatRole::kUser, text});
  try {
    Answer made = answer(emit);
    messages_.push_back({io::ChatRole::kAssistant, made.text});
    return made;
  } catch (...) {
    messages_.pop_back();
    throw;
  }
}

Answer Chat::answer(const std::function<void(std::string_view)>& emit) {
  Answer answer;
  answer.prompt = format_.encode(session_.tokenizer(), messages_);
  if (static_cast<int64_t>(answer.prompt.size()) > session_.context()) {
    throw Error("the conversation has {} tokens, the model's context {}; begin a new one",
                answer.prompt.size(), session_.context());
  }
  answer.reused = session_.keep(answer.prompt);
  GeneratedText made =
      session_.generate(std::span<const int32_t>(answer.prompt).subspan(answer.reused), settings_,
                        [&](const Piece& piece) {
                          if (emit && !piece.text.empty()) emit(piece.text);
                        });
  settings_.random_state = made.random_state;
  answer.tokens = std::move(made.tokens);
  answer.text = std::move(made.text);
  answer.ended = made.ended;
  return answer;
}

}  // namespace tern
