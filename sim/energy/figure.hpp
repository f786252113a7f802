// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace tern::energy {

/// How a number came about. The later the value, the weaker the number.
enum class Tag {
  kMeasured,   ///< By a command of this project, on this design or on its models.
  kPublished,  ///< By the cited source: a paper, a vendor's datasheet, a model of others.
  kDerived,    ///< Computed from measured or published numbers by a stated rule.
  kProjected,  ///< Holds for another node, product or design and was taken over, or is an estimate.
};

/// "measured", "published", "derived" or "projected".
std::string_view name_of(Tag tag);
/// Throws Error on another text.
Tag parse_tag(std::string_view text);
/// Of a number computed from two: the weaker one, but at least derived.
Tag combine(Tag a, Tag b);

/// A number with its unit, where it comes from and what it is worth.
struct Figure {
  double value = 0;
  std::string unit;
  Tag tag = Tag::kProjected;
  std::string source;
  /// The source is cited from memory and was not looked at again.
  bool recalled = false;
};

/// A tag with the mark of numbers that hang on recalled ones: "projected, recalled".
std::string describe(Tag tag, bool recalled);

}  // namespace tern::energy
