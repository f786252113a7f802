// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/vocabulary.hpp"

/// What Tokenizer is made of; internal to it.
namespace tern::io {

/// One way of turning text into token ids and a token into bytes. Refers to the Vocabulary that it
/// was made from.
class Encoder {
 public:
  virtual ~Encoder() = default;
  /// Appends the ids of `text`, which holds no control tokens; `at_start`: nothing is before it.
  virtual void encode(std::string_view text, bool at_start, std::vector<int>& ids) const = 0;
  /// Appends the bytes that `id` stands for; `at_start`: it is the first of a text.
  virtual void decode(int id, bool at_start, std::string& bytes) const = 0;
};

std::unique_ptr<Encoder> make_sentencepiece(const Vocabulary& vocabulary);
std::unique_ptr<Encoder> make_byte_level(const Vocabulary& vocabulary);

/// Finds tokens spelt out in a text, the longest where several begin.
class TokenFinder {
 public:
  void add(std::string_view spelling, int id);
  struct Found {
    int id = -1;  ///< -1: none
    std::size_t size = 0;
  };
  /// The token that `text` begins with.
  Found at_front(std::string_view text) const;
  /// Calls use(stretch, -1) for text between tokens and use(spelling, id) for each token, in order.
  template <typename Use>
  void split(std::string_view text, const Use& use) const {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size();) {
      const Found found = at_front(text.substr(i));
      if (found.id < 0) {
        ++i;
        continue;
      }
      if (i > begin) use(text.substr(begin, i - begin), -1);
      use(text.substr(i, found.size), found.id);
      begin = i += found.size;
    }
    if (begin < text.size()) use(text.substr(begin), -1);
  }
  int find(std::string_view spelling) const;

 private:
  /// By first byte, longest first.
  std::array<std::vector<std::pair<std::string_view, int>>, 256> tokens_;
};

/// A stretch of text in the doubly linked list of what is not merged yet.
struct Symbol {
  std::string_view text;  ///< empty: merged into its left neighbour
  int left = -1;
  int right = -1;
  int id = -1;          ///< of the piece, where the encoder keeps it
  bool frozen = false;  ///< does not merge
};

/// Merges neighbours, the lowest rank first and the leftmost on a tie, until none is left to merge,
/// in n log n time. `propose(left, right)` returns {true, rank, id of the union} or {false};
/// the union keeps the left symbol's place.
struct Proposal {
  bool merges = false;
  double rank = 0;
  int id = -1;
};

template <typename Propose>
void merge_symbols(std::vector<Symbol>& symbols, const Propose& propose) {
  struct Merge {
    double rank;
    int left;
    int right;
    int id;
    std::size_t size;  // of both texts together: tells whether either has changed since
    bool operator<(const Merge& other) const {
      return rank != other.rank ? rank > other.rank : left > other.left;
    }
  };
  std::priority_queue<Merge> merges;
  const auto consider = [&](int left, int right) {
    if (left < 0 || right < 0) return;
    const Symbol &a = symbols[left], &b = symbols[right];
    if (a.frozen || b.frozen) return;
    const Proposal proposal = propose(a, b);
    if (!proposal.merges) return;
    merges.push({proposal.rank, left, right, proposal.id, a.text.size() + b.text.size()});
  };
  for (int i = 1; i < static_cast<int>(symbols.size()); ++i) consider(i - 1, i);
  while (!merges.empty()) {
    const Merge merge = merges.top();
    merges.pop();
    Symbol& left = symbols[merge.left];
    Symbol& right = symbols[merge.right];
    if (left.text.empty() || right.text.empty() ||
        left.text.size() + right.text.size() != merge.size)
      continue;
    left.text = {left.text.data(), merge.size};
    left.id = merge.id;
    left.right = right.right;
    if (right.right >= 0) symbols[right.right].left = merge.left;
    right.text = {};
    consider(left.left, merge.left);
    consider(merge.left, left.right);
  }
}

/// Links symbols into a list in their order.
inline void link(std::vector<Symbol>& symbols) {
  const int count = static_cast<int>(symbols.size());
  for (int i = 0; i < count; ++i) {
    symbols[i].left = i - 1;
    symbols[i].right = i + 1 < count ? i + 1 : -1;
  }
}

}  // namespace tern::io
