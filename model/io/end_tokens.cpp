// SPDX-License-Identifier: Apache-2.0
#include "io/end_tokens.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

namespace tern::io {

namespace {

/// Ends of a text, a turn, a message or a document, by family.
constexpr std::string_view kEnds[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<eos>",
    "<end_of_utterance>",
    "<turn|>",
    "<|tool_response>",
    "[e~[",
    "<\xEF\xBD\x9C"
    "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>",
    // Between files and repositories of a code model, and its padding.
    "<|fim_pad|>",
    "<fim-pad>",
    "<fim_pad>",
    "<PAD>",
    "[PAD]",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<REPO>",
    "<reponame>",
    "<|file_sep|>",
};

/// Before, after and in place of the text that a code model is to fill in.
constexpr std::string_view kMarks[] = {
    "<|fim_prefix|>",
    "<fim-prefix>",
    "<fim_prefix>",
    "<\xEF\xBD\x9C"
    "fim\xE2\x96\x81"
    "begin\xEF\xBD\x9C>",
    "<PRE>",
    "\xE2\x96\x81<PRE>",
    "<|code_prefix|>",
    "<|prefix|>",
    "<|fim_suffix|>",
    "<fim-suffix>",
    "<fim_suffix>",
    "<\xEF\xBD\x9C"
    "fim\xE2\x96\x81hole\xEF\xBD\x9C>",
    "<SUF>",
    "\xE2\x96\x81<SUF>",
    "<|code_suffix|>",
    "<|suffix|>",
    "<|fim_middle|>",
    "<fim-middle>",
    "<fim_middle>",
    "<\xEF\xBD\x9C"
    "fim\xE2\x96\x81"
    "end\xEF\xBD\x9C>",
    "<MID>",
    "\xE2\x96\x81<MID>",
    "<|code_middle|>",
    "<|middle|>",
};

template <typename List>
bool contains(const List& list, std::string_view spelling) {
  return std::ranges::find(list, spelling) != std::end(list);
}

}  // namespace

SpecialTokens find_special_tokens(const Vocabulary& v) {
  std::set<int> control, ends(v.ends.begin(), v.ends.end());
  if (v.eos >= 0) ends.insert(v.eos);
  std::map<std::string_view, int> spelt;  // of the ends
  for (const int id : ends) spelt.emplace(v.pieces[static_cast<std::size_t>(id)], id);
  for (std::size_t i = 0; i < v.pieces.size(); ++i) {
    const std::string_view piece = v.pieces[i];
    const int id = static_cast<int>(i);
    const bool is_end = contains(kEnds, piece);
    if (is_end) {
      ends.insert(id);
      spelt.emplace(piece, id);
    }
    if (is_end || contains(kMarks, piece)) control.insert(id);
  }
  const auto is_no_end = [&](std::string_view spelling) {
    ends.erase(spelt.at(spelling));
    control.erase(spelt.at(spelling));
  };
  const auto has = [&](std::string_view spelling) { return spelt.contains(spelling); };
  // Where answers end with these, "<|end|>" ends a message inside of them.
  const bool calls = has("<|call|>") || has("<|calls|>");
  if (has("<|end|>") && calls && ((has("<|return|>") && has("<|call|>")) || has("<|flush|>")))
    is_no_end("<|end|>");
  if (has("<|tool_response>") && has("</s>")) is_no_end("</s>");
  return {{ends.begin(), ends.end()}, {control.begin(), control.end()}};
}

}  // namespace tern::io
