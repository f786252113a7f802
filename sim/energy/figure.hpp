#pragma once

#include <string>
#include <string_view>

namespace tern::energy {

/// How a number came about. The later the value, the weaker the number.
enum class Tag {
  kMeasured,   ///< By a tool on this design, or by the cited source on silicon.
  kDerived,    ///< Computed from measured numbers by a stated rule.
  kProjected,  ///< Holds for another node, product or design and was taken over, or is an estimate.
};

/// "measured", "derived" or "projected".
std::string_view name_of(Tag tag);
/// Throws Error on another text.
Tag parse_tag(std::string_view text);
/// Of a number computed from two: the weaker one, but never measured.
Tag combine(Tag a, Tag b);

/// A number with its unit, where it comes from and what it is worth.
struct Figure {
  double value = 0;
  std::string unit;
  Tag tag = Tag::kProjected;
  std::string source;
};

}  // namespace tern::energy
