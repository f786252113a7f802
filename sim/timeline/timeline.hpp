// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/atomic_file.hpp"

namespace tern::sim {

/// What the units of a chip did and when, as a file that chrome://tracing and Perfetto show: one
/// row a unit, one cycle a microsecond of the viewer's. Source: Trace Event Format, events of the
/// phases X, C and M.
class Timeline {
 public:
  /// A unit was busy with `label` in cycles [start, end). Zero-length spans are dropped.
  void add_span(std::string_view unit, std::string_view label, uint64_t start, uint64_t end);
  /// A counter has this value from `cycle` on.
  void add_value(std::string_view counter, uint64_t cycle, int64_t value);

  std::size_t events() const { return spans_.size() + values_.size(); }

  /// Writes the file, whole or not at all; rows in the order in which their units came first.
  /// Throws tern::Error, naming the file, when that fails.
  void write(const std::filesystem::path& file) const;
  /// The same into a file that is open and empty, and commits it.
  void write(io::AtomicFile& out) const;

 private:
  struct Span {
    uint32_t unit;
    std::string label;
    uint64_t start, end;
  };
  struct Value {
    std::string counter;
    uint64_t cycle;
    int64_t value;
  };
  std::map<std::string, uint32_t, std::less<>> units_;
  std::vector<Span> spans_;
  std::vector<Value> values_;
};

}  // namespace tern::sim
