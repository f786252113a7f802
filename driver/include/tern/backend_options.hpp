// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tern {

/// Whole numbers from `low` to `high`, both included.
struct WholeRange {
  uint64_t low, high;
  std::string_view unit = {};  ///< Behind the range in messages, such as "tokens".
};
/// Finite numbers from `low` to `high`, both included.
struct RealRange {
  double low, high;
  std::string_view unit = {};
};
/// A text: one of `choices`, if there are any, of which `problem` finds nothing wrong.
struct TextRange {
  std::vector<std::string> choices = {};
  std::function<std::string(const std::string&)> problem = {};  ///< Empty where there is none.
};

/// "a whole number from 1 to 256 threads".
std::string describe(const WholeRange& range);
std::string describe(const RealRange& range);

/// Whether a number is in a range; nan is in none.
constexpr bool contains(const WholeRange& range, uint64_t value) {
  return value >= range.low && value <= range.high;
}
constexpr bool contains(const RealRange& range, double value) {
  return value >= range.low && value <= range.high;
}

using OptionValue = std::variant<uint64_t, double, std::string>;

/// What a backend can be told beside its name. Backends that take the same option share one
/// declaration, which lives as long as the program.
struct BackendOption {
  std::string name;       ///< As users give it: "latency".
  std::string help;       ///< What it is, in its unit.
  std::string with = {};  ///< The condition under which it means anything: "with --dram".
  std::string group;      ///< Under which a help lists it: "Backend", "Memory".
  std::variant<WholeRange, RealRange, TextRange> range;
  OptionValue value;    ///< Where none is given; of the range's type. Outside of it, it stands for
                        ///< what `help` says of the default.
  std::string refusal;  ///< Behind "backend golden", for a backend that does not take it.

  /// Whether the default is a value that could be given.
  bool has_default() const;
  /// What is wrong with a value, as in "latency 0 is not a whole number from 1 to 9"; empty if it
  /// can be given. Whole numbers are real ones too.
  std::string problem(const OptionValue& given) const;
};

/// Values of options, by name. Which there are is known when a device is opened.
class BackendOptions {
 public:
  /// Whatever was given before is replaced.
  void set(std::string_view name, OptionValue value);
  /// As if it had not been given.
  void erase(const BackendOption& option);

  /// The value that was given, or the default. The option is of that type.
  uint64_t whole(const BackendOption& option) const;
  double real(const BackendOption& option) const;
  std::string text(const BackendOption& option) const;
  /// Whether a value was given that is not the default.
  bool differs(const BackendOption& option) const;

  /// In the order in which they were given.
  const std::vector<std::pair<std::string, OptionValue>>& given() const { return given_; }

 private:
  const OptionValue& value(const BackendOption& option) const;

  std::vector<std::pair<std::string, OptionValue>> given_;
};

}  // namespace tern
