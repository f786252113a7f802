// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tern::test {

/// What a file of waveforms (FST) holds.
struct Waves {
  uint64_t end = 0;  ///< Its last time.
  /// By the full name of each signal, scopes and dots in front: times and new values, as text of
  /// 0, 1, x and z.
  std::map<std::string, std::vector<std::pair<uint64_t, std::string>>> signals;
};

/// Reads every change of the signals whose scope is `scope`, by the format's own reader. Throws
/// std::runtime_error when the file is none.
Waves read_waves(const std::filesystem::path& file, const std::string& scope);

}  // namespace tern::test
