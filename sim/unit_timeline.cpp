// SPDX-License-Identifier: Apache-2.0
#include "unit_timeline.hpp"

#include <fmt/format.h>

#include <utility>

#include "spec/generated/spec.hpp"

namespace tern::sim {
namespace {

using namespace spec::fields::monitor;

std::string stream_label(uint64_t monitor) {
  if (kBeat.is_set(monitor)) return "matrix";
  if (kLoadBeat.is_set(monitor)) return "load";
  if (kStallDrain.is_set(monitor)) return "waits for accumulators";
  if (kStallRead.is_set(monitor)) return "waits for memory";
  if (kStallWait.is_set(monitor)) return "waits for a unit";
  return {};
}

std::string vector_label(uint64_t monitor) {
  if (!kVectorBusy.is_set(monitor)) return {};
  const uint32_t op = kVectorOp.get(monitor);
  if (kIsScalar.is_set(monitor)) return spec::name_of(static_cast<spec::ScalarOp>(op));
  return spec::name_of(static_cast<spec::VectorOp>(op));
}

std::string phase_label(uint64_t monitor) {
  const auto phase = static_cast<spec::Phase>(kPhase.get(monitor));
  if (phase == spec::Phase::kIdle) return {};
  if (phase == spec::Phase::kAttention || phase == spec::Phase::kFeedForward)
    return fmt::format("layer {} {}", kNumber.get(monitor), spec::name_of(phase));
  return spec::name_of(phase);
}

}  // namespace

UnitTimeline::UnitTimeline(std::filesystem::path file) : name_(std::move(file)), file_(name_) {}

void UnitTimeline::set(Row& row, uint64_t cycle, std::string label) {
  if (label == row.label) return;
  if (!row.label.empty() && timeline_.events() < kMaxEvents)
    timeline_.add_span(row.unit, row.label, row.since, cycle);
  row.label = std::move(label);
  row.since = cycle;
}

void UnitTimeline::change(uint64_t cycle, uint64_t monitor) {
  set(controller_, cycle, phase_label(monitor));
  set(stream_, cycle, stream_label(monitor));
  set(vector_, cycle, vector_label(monitor));
  set(store_, cycle, kStoreBeat.is_set(monitor) ? "store" : std::string());
}

void UnitTimeline::finish(uint64_t cycle) {
  change(cycle, 0);
  if (timeline_.events() >= kMaxEvents) {
    fmt::print(stderr, "{}: stops after {} events; ask for fewer tokens\n", name_.string(),
               timeline_.events());
  }
  timeline_.write(file_);
}

}  // namespace tern::sim
