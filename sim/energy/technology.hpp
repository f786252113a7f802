// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "figure.hpp"

namespace tern::energy {

/// A block as scripts/energy.sh measured it on one library.
struct Block {
  /// Of each workload: picojoules a cycle, with the clock pins and the input pins.
  std::map<std::string, Figure, std::less<>> cycle;
  /// Of each workload and operation ("lane/mac"): picojoules.
  std::map<std::string, Figure, std::less<>> operation;
  Figure leakage;        ///< uW
  Figure area;           ///< um2, or the library's unit
  Figure flip_flops;     ///< cells
  double clock_mhz = 0;  ///< At which it was measured.
  double slack_ps = 0;   ///< That its slowest path leaves of the period of that clock.

  /// The fastest clock that it meets as synthesised: the period less the slack.
  double fastest_mhz() const { return 1e6 / (1e6 / clock_mhz - slack_ps); }
};

/// A block and the fastest clock that it meets.
struct BlockClock {
  std::string block;
  double mhz = 0;
};

/// A point of a table of memories: energy of an access of 64 bits.
struct SramPoint {
  double bytes = 0;
  double picojoules = 0;
};

/// What the energy of the chip is computed from, for one library.
struct Technology {
  std::string name;
  std::string title;
  double node_nm = 0;
  double voltage = 0;
  double clock_mhz = 0;  ///< Greatest at which a block was measured.
  std::string tools;     ///< Names and versions.
  std::string date;
  std::map<std::string, Block, std::less<>> blocks;

  std::vector<SramPoint> sram;  ///< By size.
  double sram_scale = 1;        ///< From the table's node to this one.
  Tag sram_tag{};
  std::string sram_source;
  bool sram_recalled = false;
  Figure wires;  ///< Factor on the energy of the core.

  /// Throws Error that says which block scripts/energy.sh still has to measure.
  const Block& block(std::string_view block_name) const;
  /// The blocks of the chip that a clock of so many MHz is too fast for, slowest first. Those of
  /// comparisons (lanes, decoders of two bits) are no blocks of the chip.
  std::vector<BlockClock> too_slow_for(double mhz) const;
  /// Picojoules of one byte read from or written to a memory of `bytes`: between the table's
  /// points a power law, outside of them the nearest one.
  Figure sram_byte(double bytes) const;
};

/// Energies of a memory channel.
struct Dram {
  std::string name;
  std::string title;
  Figure activate;             ///< J, opening and closing a row of the channel
  Figure read;                 ///< J/byte
  Figure write;                ///< J/byte
  Figure refresh;              ///< J, of the whole channel
  Figure open_standby;         ///< W, a row open
  Figure idle_standby;         ///< W, none
  double row_bytes = 0;        ///< Of the channel; 0: activates are part of read and write.
  double refresh_seconds = 0;  ///< Between refreshes; 0: they are part of read and write.
  Figure phy;                  ///< J/byte, of PHY and signalling on the chip's side
};

/// "1067 MHz is more than blocks of asap7 meet as synthesised: controller 492 MHz, ...", for
/// people; empty when the clock is met. Wires and other corners of the process leave less than
/// that.
std::string describe_missed_clock(const Technology& technology, double mhz);

/// The technologies whose results are built in.
std::vector<std::string> technology_names();
/// Throws Error that lists the known ones.
Technology load_technology(std::string_view name);
std::vector<std::string> dram_names();
Dram load_dram(std::string_view name);

/// The data files as they are built in: name and text. For tests.
std::vector<std::pair<std::string, std::string_view>> data_files();

}  // namespace tern::energy
