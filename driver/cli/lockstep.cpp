// SPDX-License-Identifier: Apache-2.0
#include "lockstep.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace tern::cli {
namespace {

constexpr std::size_t kShownRows = 10;
constexpr std::size_t kShownInputs = 8;

std::string place(const TraceKey& key) {
  std::string text = fmt::format("position {}", key.position);
  if (key.layer >= 0) text += fmt::format(" layer {}", key.layer);
  text += fmt::format(" {}", spec::name_of(key.point));
  if (key.head >= 0) text += fmt::format(" head {}", key.head);
  return text;
}

}  // namespace

Lockstep::Lockstep(golden::Model& golden) : golden_(golden) {
  golden_.set_trace([this](const TraceEvent& e) {
    expected_[e.key] = {
        {e.values.begin(), e.values.end()}, {e.inputs.begin(), e.inputs.end()}, order_++, false};
  });
}

void Lockstep::expect(std::span<const int32_t> tokens) {
  expected_.clear();
  for (int32_t token : tokens) golden_.forward(token);
}

void Lockstep::report(uint64_t order, Mismatch mismatch) {
  ++mismatched_vectors_;
  if (first_ && first_order_ <= order) return;
  first_ = std::move(mismatch);
  first_order_ = order;
}

void Lockstep::compare(const TraceEvent& event) {
  Mismatch m;
  m.key = event.key;
  m.cycle = event.cycle;
  m.device.assign(event.values.begin(), event.values.end());
  m.device_inputs.assign(event.inputs.begin(), event.inputs.end());
  const auto found = expected_.find(event.key);
  if (found == expected_.end()) {
    m.what = "the device traced a vector that the golden model does not have";
    report(UINT64_MAX - 1, std::move(m));
    return;
  }
  Expected& e = found->second;
  m.golden = e.values;
  m.inputs = e.inputs;
  if (e.seen) {
    m.what = "the device traced the vector twice";
    report(e.order, std::move(m));
    return;
  }
  e.seen = true;
  ++vectors_;
  elements_ += event.values.size();
  if (event.values.size() != e.values.size()) {
    m.what = fmt::format("the device has {} elements, the golden model {}", event.values.size(),
                         e.values.size());
    report(e.order, std::move(m));
    return;
  }
  for (uint32_t i = 0; i < e.values.size(); ++i) {
    if (event.values[i] != e.values[i]) m.rows.push_back(i);
  }
  if (m.rows.empty()) return;
  report(e.order, std::move(m));
}

void Lockstep::finish_group() {
  for (const auto& [key, e] : expected_) {
    if (e.seen) continue;
    Mismatch m;
    m.key = key;
    m.golden = e.values;
    m.what = "the device did not trace this vector";
    report(e.order, std::move(m));
  }
}

std::string describe(const Mismatch& m, const golden::Model& golden, const std::string& rerun) {
  std::string text = fmt::format("MISMATCH {}", place(m.key));
  if (!m.what.empty()) {
    text += fmt::format(": {}\n", m.what);
  } else {
    text += fmt::format(" row {} cycle {}\n", m.rows[0], m.cycle);
    const golden::Matrix* matrix = golden.matrix(m.key.point, m.key.layer);
    for (std::size_t i = 0; i < std::min(kShownRows, m.rows.size()); ++i) {
      const uint32_t row = m.rows[i];
      text += fmt::format("  row {:>5}  device=0x{:08x} ({})  golden=0x{:08x} ({})\n", row,
                          static_cast<uint32_t>(m.device[row]), m.device[row],
                          static_cast<uint32_t>(m.golden[row]), m.golden[row]);
    }
    const std::size_t n = std::min(kShownInputs, m.inputs.size());
    if (n > 0) {
      text += fmt::format(
          "  x[0..{}]={}", n - 1,
          fmt::join(m.inputs.begin(), m.inputs.begin() + static_cast<std::ptrdiff_t>(n), ","));
      if (matrix) {
        text += fmt::format("  w[{}][0..{}]=", m.rows[0], n - 1);
        for (std::size_t c = 0; c < n; ++c) {
          text += fmt::format("{}{}", c ? "," : "",
                              matrix->at(static_cast<int>(m.rows[0]), static_cast<int>(c)));
        }
      }
      text += '\n';
      if (!m.device_inputs.empty() && m.device_inputs != m.inputs)
        text += "  the device's inputs differ too: an earlier step went wrong unseen\n";
    }
    text += fmt::format("  first {} of {} differing rows shown.",
                        std::min(kShownRows, m.rows.size()), m.rows.size());
  }
  return text + fmt::format("  rerun: {}\n", rerun);
}

}  // namespace tern::cli
