// SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <utility>

#include "io/error.hpp"

namespace tern::dram {
namespace {

constexpr uint32_t kMaxBanks = 64;
constexpr int32_t kMaxTiming = 1 << 24;

void check_power(const std::string& where, const char* what, uint64_t value, uint64_t most) {
  if (value == 0 || value > most || !std::has_single_bit(value))
    throw Error("{}: {} is {}; give a power of two up to {}", where, what, value, most);
}

void check_geometry(const Geometry& g, const std::string& where) {
  check_power(where, "channels", g.channels, 64);
  check_power(where, "ranks", g.ranks, 8);
  check_power(where, "bank_groups", g.bank_groups, 8);
  check_power(where, "banks_per_group", g.banks_per_group, 16);
  check_power(where, "rows", g.rows, 1u << 20);
  check_power(where, "columns", g.columns, 1u << 16);
  check_power(where, "bus_bits", g.bus_bits, 1024);
  check_power(where, "burst_length", g.burst_length, 64);
  if (g.bus_bits < 8) throw Error("{}: bus_bits is {}; give 8 or more", where, g.bus_bits);
  if (g.ranks * g.banks() > kMaxBanks)
    throw Error("{}: {} banks in a channel; at most {}", where, g.ranks * g.banks(), kMaxBanks);
  if (g.columns < g.burst_length)
    throw Error("{}: a row of {} columns is shorter than a burst of {}", where, g.columns,
                g.burst_length);
}

void check_timing(const Timing& t, const std::string& where) {
  for (const auto& [name, member] : kTimingFields) {
    if (t.*member < 0 || t.*member > kMaxTiming)
      throw Error("{}: {} is {} cycles; give 0 to {}", where, name, t.*member, kMaxTiming);
  }
  // Of two distances that bind together, the first is never the larger.
  const std::pair<const char*, bool> order[] = {
      {"tBURST is 0 cycles; a burst takes at least one", t.burst > 0},
      {"tCCD_S is larger than tCCD_L", t.ccd_s <= t.ccd_l},
      {"tRRD_S is larger than tRRD_L", t.rrd_s <= t.rrd_l},
      {"tWTR_S is larger than tWTR_L", t.wtr_s <= t.wtr_l},
      {"tRC is smaller than tRAS", t.ras <= t.rc},
      {"tRFC leaves no time between two REF", t.refi == 0 || t.rfc + t.rc < t.refi},
      {"tRTW lets write data meet read data: it is below CL + tBURST - CWL",
       t.rtw >= t.cl + t.burst - t.cwl},
  };
  for (const auto& [message, holds] : order) {
    if (!holds) throw Error("{}: {}", where, message);
  }
}

void check_controller(const Controller& c, const std::string& where) {
  if (c.read_queue == 0 || c.read_queue > 256 || c.write_queue == 0 || c.write_queue > 256)
    throw Error("{}: queues of {} reads and {} writes; give 1 to 256", where, c.read_queue,
                c.write_queue);
  if (c.write_low >= c.write_high || c.write_high > c.write_queue)
    throw Error("{}: write_low {} and write_high {} must ascend and fit the write queue of {}",
                where, c.write_low, c.write_high, c.write_queue);
  if (c.drain_idle < 0 || c.starve < 0 || c.latency < 0)
    throw Error("{}: drain_idle, starve and latency are cycles, 0 or more", where);
  if (c.refresh_ahead > 8)
    throw Error("{}: refresh_ahead is {}; JEDEC allows 8", where, c.refresh_ahead);
}

}  // namespace

void check(const Config& config, const std::string& where) {
  if (!(config.data_rate > 0) || !(config.data_rate < 1e6))
    throw Error("{}: data_rate is {}; give transfers a second in millions", where,
                config.data_rate);
  check_power(where, "beats_per_clock", config.beats_per_clock, 16);
  check_geometry(config.geometry, where);
  check_timing(config.timing, where);
  check_controller(config.controller, where);
  if (!config.controller.refresh_banks) return;
  if (config.timing.rfc_pb == 0)
    throw Error("{}: refresh_banks needs tRFCpb; this memory has none", where);
  if (config.timing.refi != 0 &&
      config.timing.rfc_pb * static_cast<int64_t>(config.geometry.banks()) >= config.timing.refi)
    throw Error("{}: tRFCpb of {} cycles leaves no time to refresh {} banks in tREFI", where,
                config.timing.rfc_pb, config.geometry.banks());
}

}  // namespace tern::dram
