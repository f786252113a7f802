// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config.hpp"

namespace tern::dram {

/// Where a burst lies.
struct Location {
  uint32_t channel = 0;
  uint32_t bank = 0;  ///< Over the channel: (rank x bank_groups + group) x banks_per_group + bank.
  uint32_t row = 0;
  uint32_t column = 0;  ///< In bursts.
};

/// Which bits of an address choose what. An order lists the fields from the highest bits to the
/// lowest, joined by '-': channel, rank, bankgroup, bank, row and column. A field may come in
/// parts, "column:2" being two of its bits and "column" all that are left; the higher part holds
/// the higher bits. Fields of one place need not be named.
///
///     row-channel-rank-bank-bankgroup-column    a row after the other (DRAMsim3's rochrababgco)
///     row-channel-rank-bank-column-bankgroup    neighbouring bursts in different bank groups
class AddressMap {
 public:
  /// Throws tern::Error when `order` leaves out bits, names some twice or is not understood.
  AddressMap(const Geometry& geometry, std::string_view order, const std::string& where);

  /// `address` in bytes; beyond the memory it wraps.
  Location locate(uint64_t address) const {
    uint64_t bits = address >> burst_shift_;
    uint32_t values[kFields] = {};
    for (const Part& part : parts_) {
      values[part.field] |= static_cast<uint32_t>(bits & part.mask) << part.shift;
      bits >>= part.bits;
    }
    return {values[kChannel],
            values[kRank] << rank_shift_ | values[kGroup] << group_shift_ | values[kBank],
            values[kRow], values[kColumn]};
  }

 private:
  enum Field : uint8_t { kChannel, kRank, kGroup, kBank, kRow, kColumn, kFields };
  struct Part {  ///< From the lowest address bits up.
    Field field;
    uint32_t bits;
    uint32_t shift;  ///< Of these bits in the field.
    uint64_t mask;
  };
  std::vector<Part> parts_;
  uint32_t burst_shift_ = 0;
  uint32_t rank_shift_ = 0;
  uint32_t group_shift_ = 0;
};

}  // namespace tern::dram
