// SPDX-License-Identifier: Apache-2.0
#include "timeline.hpp"

#include <nlohmann/json.hpp>
#include <span>

namespace tern::sim {

void Timeline::add_span(std::string_view unit, std::string_view label, uint64_t start,
                        uint64_t end) {
  if (end <= start) return;
  auto found = units_.find(unit);
  if (found == units_.end())
    found = units_.emplace(unit, static_cast<uint32_t>(units_.size())).first;
  spans_.push_back({found->second, std::string(label), start, end});
}

void Timeline::add_value(std::string_view counter, uint64_t cycle, int64_t value) {
  values_.push_back({std::string(counter), cycle, value});
}

void Timeline::write(const std::filesystem::path& file) const {
  io::AtomicFile out(file);
  write(out);
}

void Timeline::write(io::AtomicFile& out) const {
  const auto put = [&](const std::string& text) {
    out.write(std::as_bytes(std::span(text.data(), text.size())));
  };
  // A line an event: a long run has more of them than should be in memory twice.
  std::string block = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n";
  bool first = true;
  const auto event = [&](const nlohmann::json& e) {
    block +=
        (first ? "" : ",\n") + e.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    first = false;
    if (block.size() < (1 << 16)) return;
    put(block);
    block.clear();
  };
  for (const auto& [name, row] : units_) {
    event({{"ph", "M"},
           {"name", "thread_name"},
           {"pid", 0},
           {"tid", row},
           {"args", {{"name", name}}}});
    event({{"ph", "M"},
           {"name", "thread_sort_index"},
           {"pid", 0},
           {"tid", row},
           {"args", {{"sort_index", row}}}});
  }
  for (const Span& s : spans_) {
    event({{"ph", "X"},
           {"name", s.label},
           {"pid", 0},
           {"tid", s.unit},
           {"ts", s.start},
           {"dur", s.end - s.start}});
  }
  for (const Value& v : values_) {
    event({{"ph", "C"},
           {"name", v.counter},
           {"pid", 0},
           {"ts", v.cycle},
           {"args", {{"value", v.value}}}});
  }
  put(block + "\n]}\n");
  out.commit();
}

}  // namespace tern::sim
