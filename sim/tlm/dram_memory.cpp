#include "dram_memory.hpp"

#include <algorithm>
#include <cmath>

namespace tern::tlm {

namespace {
/// Writes that a controller drains together: dram::Characteristics::turnaround_ns is of so many.
constexpr double kGroup = 16;
/// From the acceptance of a write to its response: it is posted.
constexpr Cycle kPosted = 2;
}  // namespace

DramMemory::DramMemory(const dram::Config& config, const dram::Characteristics& figures,
                       double chip_mhz, uint32_t beat_bytes)
    : beat_bytes_(beat_bytes) {
  const double cycles_per_ns = chip_mhz * 1e-3;
  const double peak = config.peak_gb_per_second();  // bytes a ns
  const uint32_t burst = config.geometry.burst_bytes();
  beat_ = std::max(1.0, beat_bytes / (figures.sequential * peak) * cycles_per_ns);
  latency_ = figures.idle_latency_ns * cycles_per_ns;
  hit_ = figures.row_hit_latency_ns * cycles_per_ns;
  // A part of a burst is written as a whole one, under a mask.
  const double bytes = std::max(beat_bytes, burst);
  write_ = (bytes / peak + figures.turnaround_ns / kGroup) * cycles_per_ns;
}

ReadBurst DramMemory::read(Cycle request, uint64_t address, uint32_t beats) {
  const double latency = address == next_ ? hit_ : latency_;
  next_ = address + uint64_t{beats} * beat_bytes_;
  const double begin = std::max(static_cast<double>(request) + latency - beat_, free_);
  free_ = begin + beats * beat_;
  const auto first = std::max(static_cast<Cycle>(std::ceil(begin + beat_)), answered_ + 1);
  answered_ = std::max(static_cast<Cycle>(std::ceil(free_)), first + beats - 1);
  return {request, first, answered_};
}

WriteBeat DramMemory::write(Cycle request, uint64_t) {
  // Between reads that leave the bus idle there is time for a write.
  if (free_ > static_cast<double>(request)) free_ += write_;
  responded_ = std::max(request + kPosted, responded_ + 1);
  return {request, responded_};
}

}  // namespace tern::tlm
