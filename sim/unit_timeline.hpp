// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "io/atomic_file.hpp"
#include "timeline/timeline.hpp"

namespace tern::sim {

/// Turns what a chip's monitor_o tells, cycle by cycle, into a timeline with a row each for the
/// stream, the vector unit, the store unit and the controller's phase.
class UnitTimeline {
 public:
  /// Throws tern::Error when the file cannot be written. It appears with finish().
  explicit UnitTimeline(std::filesystem::path file);

  /// The monitor has this value from `cycle` on. Cycles do not go back.
  void change(uint64_t cycle, uint64_t monitor);
  /// Ends what is going on and writes the file, whole or not at all. To be called once.
  void finish(uint64_t cycle);

 private:
  struct Row {
    const char* unit;
    std::string label;  ///< Empty: idle.
    uint64_t since = 0;
  };
  void set(Row& row, uint64_t cycle, std::string label);

  static constexpr std::size_t kMaxEvents = 2'000'000;

  std::filesystem::path name_;
  io::AtomicFile file_;
  Timeline timeline_;
  Row controller_{"controller", {}};
  Row stream_{"stream and matrix engine", {}};
  Row vector_{"vector unit", {}};
  Row store_{"store unit", {}};
};

}  // namespace tern::sim
