// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unicode/regex.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tern::io {

/// Cuts text into the stretches that byte-level BPE merges within, with the regular expression of
/// the model's tokenizer. Unicode classes and matching are ICU's.
class PreTokenizer {
 public:
  /// By the name that GGUF files give in `tokenizer.ggml.pre`: "llama-bpe" (also "llama3",
  /// "llama-v3", "falcon3", "falcon-h1", "falcon_e"), "qwen2", "gpt-2" (also "gpt-neox", "olmo").
  /// Throws Error that lists the names for any other.
  explicit PreTokenizer(std::string_view name);

  /// Calls `word` with each stretch; together they are `text`. Bytes that are not UTF-8 count as
  /// U+FFFD and stay as they are.
  void split(std::string_view text, const std::function<void(std::string_view)>& word) const;

  /// Is it one of the names that the constructor takes?
  static bool knows(std::string_view name);
  /// The name of a regular expression as tokenizer.json spells it; empty if it is none of those
  /// that are known.
  static std::string name_of(std::string_view expression);
  /// Every name.
  static std::vector<std::string> name_list();
  /// "llama-bpe, ..." for messages.
  static std::string names();
  /// GPT-2's expression, which tokenizer.json implies with "use_regex".
  static constexpr std::string_view kGpt2 = "gpt-2";

 private:
  std::unique_ptr<icu::RegexPattern> pattern_;
};

}  // namespace tern::io
