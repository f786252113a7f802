// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "config.hpp"

namespace tern::dram {

enum class CommandKind : uint8_t {
  kActivate,      ///< Opens a row.
  kPrecharge,     ///< Closes the row of a bank.
  kPrechargeAll,  ///< Closes the rows of a rank.
  kRead,
  kWrite,
  kRefresh,      ///< REF: all banks of a rank.
  kRefreshBank,  ///< REFpb.
};

/// One command on the command bus of a channel.
struct Command {
  Cycle cycle = 0;
  CommandKind kind = CommandKind::kActivate;
  uint8_t rank = 0;
  uint8_t bank = 0;  ///< Within the rank: group * banks_per_group + bank; not for whole ranks.
  uint32_t row = 0;
};

}  // namespace tern::dram
