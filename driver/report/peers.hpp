// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace tern::report {

/// What others reach, by their own publication unless the tag says derived.
struct Peer {
  std::string_view name;
  std::string_view what;
  std::optional<double> gb_per_second;  ///< Peak of the memory.
  double tokens_per_second;
  std::optional<double> share;  ///< Of the tokens that the memory would allow, in %.
  std::string_view tag;         ///< Of the share.
  std::optional<double> joules_per_token;
  bool same_model;  ///< BitNet b1.58 2B-4T: tokens/s can be compared.
  std::string_view source;
};

std::span<const Peer> peers();

}  // namespace tern::report
