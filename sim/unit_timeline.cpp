#include "unit_timeline.hpp"

#include <fmt/format.h>

#include <utility>

#include "spec/generated/spec.hpp"

namespace tern::sim {
namespace {

// Bits of monitor_o; see rtl/top/tern_chip.sv.
constexpr uint64_t kBeat = 1u << 0;
constexpr uint64_t kLoadBeat = 1u << 1;
constexpr uint64_t kStallRead = 1u << 2;
constexpr uint64_t kStallDrain = 1u << 3;
constexpr uint64_t kStallWait = 1u << 4;
constexpr uint64_t kStoreBeat = 1u << 5;
constexpr uint64_t kVectorBusy = 1u << 6;
constexpr uint32_t kVectorOpLsb = 8;
constexpr uint32_t kScalar = 1u << 5;  // of the operation
constexpr uint32_t kPhaseLsb = 16;

std::string stream_label(uint64_t monitor) {
  if (monitor & kBeat) return "matrix";
  if (monitor & kLoadBeat) return "load";
  if (monitor & kStallDrain) return "waits for accumulators";
  if (monitor & kStallRead) return "waits for memory";
  if (monitor & kStallWait) return "waits for a unit";
  return {};
}

std::string vector_label(uint64_t monitor) {
  if (!(monitor & kVectorBusy)) return {};
  const auto op = static_cast<uint32_t>(monitor >> kVectorOpLsb & 0x3f);
  if (op & kScalar) return spec::name_of(static_cast<spec::ScalarOp>(op & ~kScalar));
  return spec::name_of(static_cast<spec::VectorOp>(op));
}

std::string phase_label(uint64_t monitor) {
  const auto phase = static_cast<spec::Phase>(monitor >> kPhaseLsb & 0xff);
  if (phase == spec::Phase::kIdle) return {};
  const auto number = static_cast<uint32_t>(monitor >> (kPhaseLsb + 8) & 0xffff);
  if (phase == spec::Phase::kAttention || phase == spec::Phase::kFeedForward)
    return fmt::format("layer {} {}", number, spec::name_of(phase));
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
  set(store_, cycle, monitor & kStoreBeat ? "store" : std::string());
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
