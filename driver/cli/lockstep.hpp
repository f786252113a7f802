// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "golden/model.hpp"
#include "spec/trace.hpp"

namespace tern::cli {

/// Where and how a device differs from the golden model.
struct Mismatch {
  TraceKey key;
  uint64_t cycle = 0;
  std::string
      what;  ///< Empty for differing values, else what went wrong ("missing", "unexpected", ...).
  std::vector<uint32_t> rows;   ///< Differing rows.
  std::vector<int32_t> golden;  ///< The whole vector.
  std::vector<int32_t> device;  ///< The whole vector.
  std::vector<int8_t> inputs;   ///< What the golden model multiplied.
  std::vector<int8_t> device_inputs;
};

/// Compares the traced vectors of a device with those of the golden model, whatever their order
/// within a group of tokens. A vector that does not come is an error as a wrong one is.
class Lockstep {
 public:
  explicit Lockstep(golden::Model& golden);

  /// Runs the golden model over a group of tokens and keeps what it traced.
  void expect(std::span<const int32_t> tokens);
  /// Takes one vector of the device.
  void compare(const TraceEvent& event);
  /// To be called after the device ran the group: every expected vector must have come.
  void finish_group();

  /// The mismatch that comes first in the order of computation.
  const std::optional<Mismatch>& mismatch() const { return first_; }
  uint64_t mismatched_vectors() const { return mismatched_vectors_; }
  uint64_t vectors() const { return vectors_; }
  uint64_t elements() const { return elements_; }

 private:
  struct Expected {
    std::vector<int32_t> values;
    std::vector<int8_t> inputs;
    uint64_t order = 0;
    bool seen = false;
  };
  void report(uint64_t order, Mismatch mismatch);

  golden::Model& golden_;
  std::map<TraceKey, Expected> expected_;
  std::optional<Mismatch> first_;
  uint64_t first_order_ = 0;
  uint64_t order_ = 0;
  uint64_t vectors_ = 0;
  uint64_t elements_ = 0;
  uint64_t mismatched_vectors_ = 0;
};

/// The report of a mismatch, several lines; `rerun` is the command that reproduces it.
std::string describe(const Mismatch& mismatch, const golden::Model& golden,
                     const std::string& rerun);

}  // namespace tern::cli
