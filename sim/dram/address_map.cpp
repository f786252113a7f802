// SPDX-License-Identifier: Apache-2.0
#include "address_map.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

#include "io/error.hpp"

namespace tern::dram {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"channel", "rank", "bankgroup",
                                                    "bank",    "row",  "column"};

struct Named {
  std::size_t field;
  uint32_t bits;
  bool rest;  ///< All bits that no other part has.
};

uint32_t log2(uint32_t value) { return static_cast<uint32_t>(std::bit_width(value)) - 1; }

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

Named parse(std::string_view text, const std::string& where) {
  const std::size_t colon = text.find(':');
  const auto name = std::find(kNames.begin(), kNames.end(), text.substr(0, colon));
  if (name == kNames.end())
    throw Error(
        "{}: {} in the address mapping is none of channel, rank, bankgroup, bank, row, "
        "column, joined by '-'",
        where, quote(text));
  Named named{static_cast<std::size_t>(name - kNames.begin()), 0, colon == std::string_view::npos};
  if (!named.rest) {
    const std::string_view number = text.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), named.bits);
    if (error != std::errc() || end != number.data() + number.size() || named.bits > 32)
      throw Error("{}: {} in the address mapping: after ':' comes a number of bits, up to 32",
                  where, quote(text));
  }
  return named;
}

}  // namespace

AddressMap::AddressMap(const Geometry& g, std::string_view order, const std::string& where)
    : burst_shift_(log2(g.burst_bytes())),
      rank_shift_(log2(g.banks())),
      group_shift_(log2(g.banks_per_group)) {
  std::array<uint32_t, kFields> left = {log2(g.channels),    log2(g.ranks),
                                        log2(g.bank_groups), log2(g.banks_per_group),
                                        log2(g.rows),        log2(g.bursts_per_row())};
  std::vector<Named> named;
  std::array<uint32_t, kFields> rests{};
  for (const std::string_view text : split(order, '-')) {
    named.push_back(parse(text, where));
    const Named& n = named.back();
    if (n.rest ? ++rests[n.field] > 1 : n.bits > left[n.field])
      throw Error("{}: the address mapping names bits of {} twice, or more than there are", where,
                  kNames[n.field]);
    if (!n.rest) left[n.field] -= n.bits;
  }
  std::array<uint32_t, kFields> placed{};
  std::reverse(named.begin(), named.end());
  for (const Named& n : named) {
    const uint32_t bits = n.rest ? left[n.field] : n.bits;
    if (n.rest) left[n.field] = 0;
    if (bits == 0) continue;
    parts_.push_back(
        {static_cast<Field>(n.field), bits, placed[n.field], (uint64_t{1} << bits) - 1});
    placed[n.field] += bits;
  }
  for (std::size_t field = 0; field < kFields; ++field) {
    if (left[field] != 0)
      throw Error("{}: the address mapping {} leaves out {} bits of {}", where, quote(order),
                  left[field], kNames[field]);
  }
}

}  // namespace tern::dram
