// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/chat_format.hpp"
#include "tern/session.hpp"

namespace tern {

struct ChatOptions {
  std::string system;     ///< What the model is told first; empty: nothing.
  std::string format;     ///< Of io::ChatFormat::names(); empty: that of the model's template.
  TextSettings settings;  ///< Of every answer. Answers end at the format's end tokens too; the
                          ///< random state goes on from one to the next.
  std::string_view format_flag = "--chat-format";  ///< For messages: what sets the format.
};

/// One exchange.
struct Answer {
  std::vector<int32_t> prompt;  ///< Tokens of the whole conversation before it.
  std::size_t reused = 0;       ///< Of them, how many had been run already.
  std::vector<int32_t> tokens;  ///< Drawn, that which ended it included.
  std::string text;
  bool ended = false;  ///< By a token that ends answers, not by their number.
};

/// A conversation in the model's chat format. It refers to the session, which must outlive it and
/// may do other things in between; what is left of the conversation there is not run again.
class Chat {
 public:
  /// Throws Error when the device computes no text, when neither `options` nor the model say which
  /// format, when the format is not known, and when the vocabulary has not the tokens it needs.
  Chat(Session& session, const ChatOptions& options);

  /// Says `text` as the user and generates the answer; `emit` gets its text as it comes, whole
  /// characters at a time. Throws Error when the conversation exceeds the context, and as
  /// Session::generate(); the conversation is then as it was before.
  Answer ask(const std::string& text, const std::function<void(std::string_view)>& emit = {});

  /// Begins a new conversation, with the same system message.
  void restart();

  const io::ChatFormat& format() const { return format_; }
  /// All that was said, the system message first.
  const std::vector<io::ChatMessage>& messages() const { return messages_; }

 private:
  Answer answer(const std::function<void(std::string_view)>& emit);

  Session& session_;
  io::ChatFormat format_;
  std::string system_;
  TextSettings settings_;
  std::vector<io::ChatMessage> messages_;
};

}  // namespace tern
