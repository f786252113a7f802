// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

namespace tern::dram {

/// A DRAM clock cycle, counted from 0.
using Cycle = int64_t;

/// Sizes of a memory. All but the bus are powers of two.
struct Geometry {
  uint32_t channels = 1;
  uint32_t ranks = 1;            ///< Per channel.
  uint32_t bank_groups = 1;      ///< Per rank.
  uint32_t banks_per_group = 4;  ///< ranks x bank_groups x banks_per_group is at most 64.
  uint32_t rows = 8192;          ///< Per bank.
  uint32_t columns = 1024;       ///< Of a row, each as wide as the bus.
  uint32_t bus_bits = 64;        ///< Data bus of one channel, 8 or more.
  uint32_t burst_length = 8;     ///< Transfers of a burst.

  uint32_t banks() const { return bank_groups * banks_per_group; }  ///< Of a rank.
  uint32_t burst_bytes() const { return bus_bits / 8 * burst_length; }
  uint32_t bursts_per_row() const { return columns / burst_length; }
  uint64_t channel_bytes() const {
    return uint64_t{ranks} * banks() * rows * bursts_per_row() * burst_bytes();
  }
  uint64_t bytes() const { return channels * channel_bytes(); }
};

/// Least distances between commands, in DRAM clock cycles. The names are JEDEC's; "same" and
/// "other" refer to bank groups within a rank. A memory without bank groups has its _s equal to its
/// _l.
struct Timing {
  int32_t cl = 0;     ///< RD to the first data of its burst.
  int32_t cwl = 0;    ///< WR to the first data of its burst.
  int32_t burst = 0;  ///< Cycles of the data bus that a burst takes.
  int32_t rcd = 0;    ///< ACT to RD or WR of the bank.
  int32_t rp = 0;     ///< PRE to ACT of the bank, and to REF.
  int32_t ras = 0;    ///< ACT to PRE of the bank.
  int32_t rc = 0;     ///< ACT to ACT of the bank, and to REF.
  int32_t ccd_s = 0;  ///< RD to RD and WR to WR, other group.
  int32_t ccd_l = 0;  ///< RD to RD and WR to WR, same group.
  int32_t rrd_s = 0;  ///< ACT to ACT, other group.
  int32_t rrd_l = 0;  ///< ACT to ACT, same group.
  int32_t faw = 0;    ///< Window of a rank that holds at most four ACT.
  int32_t wtr_s = 0;  ///< End of write data to RD, other group.
  int32_t wtr_l = 0;  ///< End of write data to RD, same group.
  int32_t rtw = 0;    ///< RD to WR of the rank.
  int32_t rtp = 0;    ///< RD to PRE of the bank.
  int32_t wr = 0;     ///< End of write data to PRE of the bank.
  int32_t rtrs = 0;   ///< Idle data bus between bursts of two ranks.
  int32_t refi = 0;   ///< Average time between two REF of a rank; 0: no refresh.
  int32_t rfc = 0;    ///< REF to ACT or REF of the rank.
  int32_t rfc_pb =
      0;  ///< REFpb to ACT of the bank, and to REFpb of the rank; 0: there is no REFpb.
};

/// One field of Timing, for files, messages and tests.
struct TimingField {
  const char* name;
  int32_t Timing::*member;
};
inline constexpr TimingField kTimingFields[] = {
    {"CL", &Timing::cl},        {"CWL", &Timing::cwl},      {"tBURST", &Timing::burst},
    {"tRCD", &Timing::rcd},     {"tRP", &Timing::rp},       {"tRAS", &Timing::ras},
    {"tRC", &Timing::rc},       {"tCCD_S", &Timing::ccd_s}, {"tCCD_L", &Timing::ccd_l},
    {"tRRD_S", &Timing::rrd_s}, {"tRRD_L", &Timing::rrd_l}, {"tFAW", &Timing::faw},
    {"tWTR_S", &Timing::wtr_s}, {"tWTR_L", &Timing::wtr_l}, {"tRTW", &Timing::rtw},
    {"tRTP", &Timing::rtp},     {"tWR", &Timing::wr},       {"tRTRS", &Timing::rtrs},
    {"tREFI", &Timing::refi},   {"tRFC", &Timing::rfc},     {"tRFCpb", &Timing::rfc_pb},
};

/// The controller in front of each channel.
struct Controller {
  uint32_t read_queue = 40;   ///< Reads that the scheduler sees, 1 to 256.
  uint32_t write_queue = 32;  ///< Writes, 1 to 256.
  uint32_t write_high = 24;   ///< Writes are drained from this many on ...
  uint32_t write_low = 8;     ///< ... down to this many, if there are reads.
  Cycle drain_idle = 64;      ///< Without reads, writes are drained after this many cycles.
  Cycle starve = 2000;        ///< A request older than this comes before row hits of its bank.
  /// REF that may be done before they are due, while there is no request (JEDEC: at most 8).
  uint32_t refresh_ahead = 8;
  bool refresh_banks = false;  ///< REFpb, one bank after the other, in place of REF.
  Cycle latency = 0;  ///< Cycles of controller and PHY on top of the DRAM's own read latency.
};

/// A memory with its clock and its controller. How to make one: presets.hpp.
struct Config {
  std::string name;
  std::string description;
  double data_rate = 0;          ///< Transfers a second and pin, in 10^6.
  uint32_t beats_per_clock = 2;  ///< Transfers in a clock cycle: SDR 1, DDR 2, LPDDR5 8.
  Geometry geometry;
  Timing timing;
  Controller controller;
  std::string mapping;  ///< See address_map.hpp.
  std::string energy;   ///< Its energies, by a name of sim/energy/technology.yaml; may be empty.

  double clock_mhz() const { return data_rate / beats_per_clock; }
  /// Femtoseconds of a clock cycle, rounded.
  int64_t period_fs() const { return static_cast<int64_t>(1e9 / clock_mhz() + 0.5); }
  /// Bytes a second over all channels, in 10^9.
  double peak_gb_per_second() const {
    return data_rate * 1e-3 * geometry.bus_bits / 8 * geometry.channels;
  }
};

/// Throws tern::Error when a value of `config` is impossible; `where` begins the message.
void check(const Config& config, const std::string& where);

}  // namespace tern::dram
