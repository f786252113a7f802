// SPDX-License-Identifier: Apache-2.0
#include "io/chat_format.hpp"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>

#include "io/error.hpp"
#include "io/jinja_outline.hpp"

namespace tern::io {

struct ChatFormat::Form {
  std::string_view name;
  std::array<std::string_view, 3> before;  ///< a message, by ChatRole
  std::string_view after;                  ///< a message of system or user
  std::string_view end;                    ///< of an answer; empty: the model's end token
  std::string_view after_end;
  bool trims;           ///< white space around a message is left out
  bool hides_thoughts;  ///< of an answer only what follows "</think>" stays
  /// How its template writes a message, in JinjaOutline::code; all of these.
  std::array<std::string_view, 4> code;
  /// A string that tells the template from others that write messages so; empty: none.
  std::string_view mark;
};

std::span<const ChatFormat::Form> ChatFormat::forms() {
  // Of two that fit, the first is taken.
  static constexpr Form kForms[] = {
      {"bitnet",
       {"System: ", "User: ", "Assistant: "},
       "<|eot_id|>",
       "<|eot_id|>",
       "",
       true,
       false,
       {"message['role']|capitalize+': '+message['content']|trim+'<|eot_id|>'", "'Assistant: '"},
       ""},
      {"llama3",
       {"<|start_header_id|>system<|end_header_id|>\n\n",
        "<|start_header_id|>user<|end_header_id|>\n\n",
        "<|start_header_id|>assistant<|end_header_id|>\n\n"},
       "<|eot_id|>",
       "<|eot_id|>",
       "",
       true,
       false,
       {"'<|start_header_id|>'+message['role']+'<|end_header_id|>\n\n'+message['content']|trim+"
        "'<|eot_id|>'",
        "'<|start_header_id|>assistant<|end_header_id|>\n\n'"},
       ""},
      {"qwen3",
       {"<|im_start|>system\n", "<|im_start|>user\n", "<|im_start|>assistant\n"},
       "<|im_end|>\n",
       "<|im_end|>",
       "\n",
       false,
       true,
       {"'<|im_start|>'+message['role']+'\n'+message['content']+'<|im_end|>\n'",
        "'<|im_start|>assistant\n'",
        "content=message['content']['split']('</think>')[-1]['lstrip']('\n')"},
       "</think>"},
      {"chatml",
       {"<|im_start|>system\n", "<|im_start|>user\n", "<|im_start|>assistant\n"},
       "<|im_end|>\n",
       "<|im_end|>",
       "\n",
       false,
       false,
       {"'<|im_start|>'+message['role']+'\n'+message['content']+'<|im_end|>\n'",
        "'<|im_start|>assistant\n'"},
       ""},
      {"falcon3",
       {"<|system|>\n", "<|user|>\n", "<|assistant|>\n"},
       "\n",
       "",
       "\n",
       false,
       false,
       {"'<|system|>\n'+message['content']+'\n'", "'<|user|>\n'+message['content']+'\n'",
        "'<|assistant|>\n'+message['content']+eos_token+'\n'", "'<|assistant|>\n'"},
       ""},
  };
  return kForms;
}

namespace {

std::string joined(std::span<const std::string> names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// Words that templates compare with, and what they write in branches that are not taken here:
/// calls of tools, which there are none of, and thoughts, which `thinks` allows.
bool is_harmless(std::string_view written, bool thinks) {
  constexpr std::string_view kWords[] = {"role",      "content",  "system", "user",
                                         "assistant", "system\n", "user\n", "assistant\n",
                                         "\n",        "\n\n",     ": ",     "Assistant: "};
  if (std::ranges::find(kWords, written) != std::end(kWords)) return true;
  if (written.find("tool") != written.npos || written.find("arguments") != written.npos)
    return true;
  constexpr std::string_view kThoughts[] = {"<think>", "</think>", "\n<think>\n", "\n</think>\n\n",
                                            "<think>\n\n</think>\n\n"};
  return thinks && std::ranges::find(kThoughts, written) != std::end(kThoughts);
}

/// Without the white space around it, as Python's str.strip().
std::string_view trimmed(std::string_view text) {
  const auto is_space = [](UChar32 c) { return (c >= 0x1c && c <= 0x1f) || u_isUWhiteSpace(c); };
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  auto end = static_cast<std::int32_t>(text.size());
  std::int32_t begin = 0;
  while (begin < end) {
    std::int32_t next = begin;
    UChar32 c = 0;
    U8_NEXT(bytes, next, end, c);
    if (!is_space(c)) break;
    begin = next;
  }
  while (begin < end) {
    std::int32_t previous = end;
    UChar32 c = 0;
    U8_PREV(bytes, begin, previous, c);
    if (!is_space(c)) break;
    end = previous;
  }
  return text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

std::string_view without_thoughts(std::string_view answer) {
  constexpr std::string_view kEnd = "</think>";
  const std::size_t at = answer.rfind(kEnd);
  if (at == answer.npos) return answer;
  answer.remove_prefix(at + kEnd.size());
  answer.remove_prefix(std::min(answer.find_first_not_of('\n'), answer.size()));
  return answer;
}

}  // namespace

std::vector<std::string> ChatFormat::names() {
  std::vector<std::string> result;
  for (const Form& form : forms()) result.emplace_back(form.name);
  return result;
}

std::string ChatFormat::name() const { return std::string(form_->name); }

ChatFormat ChatFormat::named(std::string_view name) {
  for (const Form& form : forms()) {
    if (form.name == name) return {form, false};
  }
  throw Error("chat format {} is not known; known: {}", quote(name), joined(names()));
}

ChatFormat ChatFormat::of_template(std::string_view jinja) {
  const JinjaOutline outline = jinja_outline(jinja);
  const bool writes_bos = outline.code.find("bos_token") != std::string::npos ||
                          outline.written.contains("<|begin_of_text|>");
  std::string why = "writes messages in another way";
  for (const Form& form : forms()) {
    const auto has = [&](std::string_view part) {
      return outline.code.find(part) != std::string::npos;
    };
    if (!std::ranges::all_of(form.code, has)) continue;
    if (!form.mark.empty() && !outline.written.contains(form.mark)) continue;
    const auto is_known = [&](const std::string& written) {
      const auto has_it = [&](std::string_view markup) {
        return markup.find(written) != markup.npos;
      };
      if (written.starts_with("<|") && written.ends_with("|>"))
        return written == "<|begin_of_text|>" || std::ranges::any_of(form.before, has_it) ||
               has_it(form.after) || has_it(form.end);
      return is_harmless(written, form.hides_thoughts);
    };
    const auto unknown = std::ranges::find_if_not(outline.written, is_known);
    if (unknown == outline.written.end()) return {form, writes_bos};
    why = fmt::format("is like {}, but also writes {}", form.name, quote(*unknown));
  }
  throw Error(
      "the model's chat template is not known: it {}; known: {}; --chat-format NAME takes one of "
      "them instead",
      why, joined(names()));
}

std::vector<int> ChatFormat::encode(const Tokenizer& tokenizer,
                                    std::span<const ChatMessage> messages) const {
  std::vector<TextPart> parts;
  bool add_bos = writes_bos_ || tokenizer.adds_bos();
  // A bos that the template writes is part of the text, which so does not begin behind it.
  if (writes_bos_ && tokenizer.bos() >= 0) {
    const auto id = static_cast<std::size_t>(tokenizer.bos());
    const std::string& bos = tokenizer.vocabulary().pieces[id];
    if (tokenizer.control_token(bos) == tokenizer.bos()) {
      parts.push_back({bos, ControlTokens::kAreFound});
      add_bos = false;
    }
  }
  const auto markup = [&](std::string_view text) {
    parts.push_back({std::string(text), ControlTokens::kAreFound});
  };
  const int end =
      tokenizer.eos() >= 0 || tokenizer.ends().empty() ? tokenizer.eos() : tokenizer.ends()[0];
  const std::string_view model_end =
      end >= 0 ? tokenizer.vocabulary().pieces[static_cast<std::size_t>(end)] : std::string_view();
  const auto before = [&](ChatRole role) { markup(form_->before[static_cast<std::size_t>(role)]); };
  for (const ChatMessage& message : messages) {
    before(message.role);
    const bool answer = message.role == ChatRole::kAssistant;
    std::string_view text = message.content;
    if (form_->trims) text = trimmed(text);
    if (answer && form_->hides_thoughts) text = without_thoughts(text);
    parts.push_back({std::string(text), ControlTokens::kAreText});
    if (!answer) {
      markup(form_->after);
    } else {
      markup(form_->end.empty() ? model_end : form_->end);
      markup(form_->after_end);
    }
  }
  before(ChatRole::kAssistant);
  return tokenizer.encode(parts, add_bos);
}

std::vector<int> ChatFormat::ends(const Tokenizer& tokenizer) const {
  std::vector<int> result = tokenizer.ends();
  if (form_->end.empty()) {
    if (result.empty())
      throw Error("chat format {} needs an end token, which the model does not name", form_->name);
    return result;
  }
  const int end = tokenizer.control_token(form_->end);
  if (end < 0)
    throw Error("chat format {} needs the control token {}, which the vocabulary has not",
                form_->name, quote(form_->end));
  if (!tokenizer.ends_at(end)) result.push_back(end);
  return result;
}

}  // namespace tern::io
