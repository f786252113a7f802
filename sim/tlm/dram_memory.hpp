#pragma once

#include "dram/characterise.hpp"
#include "dram/config.hpp"
#include "memory_model.hpp"

namespace tern::tlm {

/// A DRAM by its figures (dram::characterise()): a stream that runs at the rate of saturated
/// sequential reads, refresh included, once the first burst's latency is over; writes that take
/// their time of the data bus, and a turnaround for each group of 16, from the reads around them.
/// Single bursts are not followed, so that a token of millions of beats takes milliseconds.
class DramMemory final : public MemoryModel {
 public:
  /// Of a chip with this clock and beats of so many bytes.
  DramMemory(const dram::Config& config, const dram::Characteristics& figures, double chip_mhz,
             uint32_t beat_bytes);

  ReadBurst read(Cycle request, uint64_t address, uint32_t beats) override;
  WriteBeat write(Cycle request, uint64_t address) override;

 private:
  uint32_t beat_bytes_;
  double beat_;        ///< Cycles of a beat in a sequential stream, at least 1.
  double latency_;     ///< From a request to the end of its first beat, row closed ...
  double hit_;         ///< ... or open.
  double write_;       ///< Cycles that the writing of a beat takes from a stream of reads.
  double free_ = 0;    ///< The data bus has no more to do then.
  Cycle answered_ = 0; ///< Last beat of the burst before.
  Cycle responded_ = 0;
  uint64_t next_ = 0;  ///< Address behind the last burst.
};

}  // namespace tern::tlm
