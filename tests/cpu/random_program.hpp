// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "../rtl/system/clocked.hpp"

namespace tern::test {

/// A random program of about `length` instructions that ends in a trap, with every instruction of
/// RV32IM, loads and stores of every width in data memory and at devices, loops, forward branches
/// and jumps, and values used soon after they are made. It relies on no register.
std::vector<uint32_t> random_program(Dice& dice, int length);

/// A word that is likely to be an instruction: a legal one with some bits changed, or noise.
uint32_t random_word(Dice& dice);

}  // namespace tern::test
