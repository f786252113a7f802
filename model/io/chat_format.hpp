// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer.hpp"

namespace tern::io {

enum class ChatRole { kSystem, kUser, kAssistant };

struct ChatMessage {
  ChatRole role;
  std::string content;
};

/// How an instruct model spells a conversation. Model files carry it as a template in the language
/// Jinja; the templates of the supported models are recognised by what they write, and no others
/// are run:
///
///  * bitnet (BitNet b1.58 2B-4T): "User: ...<|eot_id|>Assistant: "
///  * llama3: "<|start_header_id|>user<|end_header_id|>\n\n...<|eot_id|>"
///  * chatml: "<|im_start|>user\n...<|im_end|>\n"
///  * qwen3: chatml, and what was thought before an answer is left out of what follows
///  * falcon3: "<|user|>\n...\n", an answer ends with the model's end token
class ChatFormat {
 public:
  /// The format of a template. Throws Error, which says what about it is not known and which there
  /// are, on a template that writes anything else: a system message of its own, another order,
  /// another spelling.
  static ChatFormat of_template(std::string_view jinja);
  /// By its name. Throws Error that lists them for any other.
  static ChatFormat named(std::string_view name);
  /// All of them, in the order above.
  static std::vector<std::string> names();

  std::string name() const;
  /// The ids of a conversation up to where the answer begins: the ids of the rendered template, but
  /// for the spelling of a control token inside a message, which is text.
  std::vector<int> encode(const Tokenizer& tokenizer, std::span<const ChatMessage> messages) const;
  /// The tokens that end an answer: the format's, and the model's end tokens. Throws Error if the
  /// vocabulary has not the one that the format needs.
  std::vector<int> ends(const Tokenizer& tokenizer) const;

 private:
  struct Form;
  ChatFormat(const Form& form, bool writes_bos) : form_(&form), writes_bos_(writes_bos) {}
  static std::span<const Form> forms();

  const Form* form_;
  bool writes_bos_;  ///< the template itself begins with bos
};

}  // namespace tern::io
