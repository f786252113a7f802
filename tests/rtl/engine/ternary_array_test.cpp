// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <verilated.h>

#include <bit>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "Varray_64x1x5.h"
#include "Varray_64x2x8.h"
#include "Varray_8x1x8.h"
#include "Varray_8x8x5.h"
#include "bits.hpp"

namespace tern::test {
namespace {

template <class M, uint32_t C, uint32_t A, uint32_t T>
struct Array {
  using Model = M;
  static constexpr uint32_t kColumns = C;
  static constexpr uint32_t kActColumns = A;
  static constexpr uint32_t kTrees = T;
};

/// What a beat must give, and when.
struct Due {
  uint64_t cycle;
  std::vector<int32_t> sums;
  uint32_t illegal;
};

template <class Config>
class TernaryArray : public testing::Test {
 protected:
  static constexpr uint32_t kColumns = Config::kColumns;
  static constexpr uint32_t kActColumns = Config::kActColumns;
  static constexpr uint32_t kTrees = Config::kTrees;
  static constexpr uint32_t kLatency = std::bit_width(kColumns) + 1;

  TernaryArray() : model(std::make_unique<typename Config::Model>(&context)) {
    model->rst_ni = 0;
    tick();
    model->rst_ni = 1;
  }
  ~TernaryArray() override { model->final(); }

  void tick() {
    model->clk_i = 0;
    model->eval();
    model->clk_i = 1;
    model->eval();
    ++cycle;
  }

  uint32_t between(uint32_t low, uint32_t high) {
    return std::uniform_int_distribution<uint32_t>(low, high)(random);
  }

  VerilatedContext context;
  std::unique_ptr<typename Config::Model> model;
  std::mt19937_64 random{3};
  uint64_t cycle = 0;
};

using Arrays = testing::Types<Array<Varray_8x1x8, 8, 1, 8>, Array<Varray_8x8x5, 8, 8, 5>,
                              Array<Varray_64x1x5, 64, 1, 5>, Array<Varray_64x2x8, 64, 2, 8>>;
TYPED_TEST_SUITE(TernaryArray, Arrays);

TYPED_TEST(TernaryArray, BothBodiesGiveTheDefinedSumsInTheSameCycle) {
  constexpr uint32_t kColumns = TestFixture::kColumns;
  constexpr uint32_t kActColumns = TestFixture::kActColumns;
  constexpr uint32_t kTrees = TestFixture::kTrees;
  auto& m = *this->model;
  std::deque<Due> due;
  std::vector<std::array<int, kTrees>> trits(kColumns);
  uint32_t illegal = 0;
  bool second_half = false;  // the beat of the last cycle now gets its activations
  for (int i = 0; i < (kColumns < 64 ? 20'000 : 4'000); ++i) {
    if (second_half) {
      const bool extreme = this->between(0, 7) == 0;
      const uint32_t columns = this->between(1, kActColumns);
      Due& result = due.emplace_back(Due{this->cycle - 1 + TestFixture::kLatency,
                                         std::vector<int32_t>(kTrees * kActColumns), illegal});
      for (uint32_t a = 0; a < kActColumns; ++a) {
        for (uint32_t c = 0; c < kColumns; ++c) {
          const auto x = static_cast<int8_t>(extreme ? 128 : this->between(0, 255));
          for (uint32_t b = 0; b < 8; ++b) {
            set_bit(m.planes_i, (8 * a + b) * kColumns + c, (x >> b) & 1);
          }
          if (a >= columns) continue;
          for (uint32_t r = 0; r < kTrees; ++r) result.sums[kTrees * a + r] += trits[c][r] * x;
        }
      }
      m.columns_i = columns;
    } else {
      m.columns_i = this->between(0, kActColumns);
    }

    m.valid_i = this->between(0, 9) < (i / 1000 % 2 ? 10 : 6);
    const uint32_t lowest = i / 500 % 3 == 0 ? 200 : 0;
    const bool extreme = this->between(0, 15) == 0;
    const uint32_t extreme_code = this->between(0, 1) ? 242 : 0;
    const uint32_t masked_from = this->between(0, 1) ? kColumns : this->between(0, kColumns);
    illegal = 0;
    m.sign_i = this->between(0, 2) == 0;
    for (uint32_t c = 0; c < kColumns; ++c) {
      const uint32_t code = extreme ? extreme_code : this->between(lowest, 255);
      for (uint32_t b = 0; b < 8; ++b) set_bit(m.weights_i, 8 * c + b, (code >> b) & 1);
      set_bit(m.mask_i, c, c < masked_from);
      illegal += !m.sign_i && c < masked_from && code > 242;
      uint32_t rest = c < masked_from && code <= 242 ? code : 121;
      // The rows of trees beyond five have no digits.
      for (uint32_t r = 0; r < kTrees; ++r, rest /= 3)
        trits[c][r] = r < 5 ? static_cast<int>(rest % 3) - 1 : 0;
      for (uint32_t r = 0; r < kTrees; ++r) {
        const bool up = extreme ? extreme_code != 0 : this->between(0, 1);
        set_bit(m.signs_i, kColumns * r + c, up);
        if (m.sign_i) trits[c][r] = c >= masked_from ? 0 : up ? 1 : -1;
      }
    }
    second_half = m.valid_i;

    m.clk_i = 0;
    m.eval();
    const bool expect_valid = !due.empty() && due.front().cycle == this->cycle;
    ASSERT_EQ(m.tree_valid_o, expect_valid) << "cycle " << this->cycle;
    ASSERT_EQ(m.fast_valid_o, expect_valid) << "cycle " << this->cycle;
    if (expect_valid) {
      ASSERT_EQ(m.tree_illegal_o, due.front().illegal);
      ASSERT_EQ(m.fast_illegal_o, due.front().illegal);
      for (uint32_t w = 0; w < kTrees * kActColumns; ++w) {
        const auto sum = static_cast<uint32_t>(due.front().sums[w]);
        ASSERT_EQ(get_word(m.tree_sums_o, w), sum) << "cycle " << this->cycle << " sum " << w;
        ASSERT_EQ(get_word(m.fast_sums_o, w), sum) << "cycle " << this->cycle << " sum " << w;
      }
      due.pop_front();
    } else if (this->cycle > 100) {
      // Between results the outputs hold, in both bodies.
      for (uint32_t w = 0; w < kTrees * kActColumns; ++w) {
        ASSERT_EQ(get_word(m.tree_sums_o, w), get_word(m.fast_sums_o, w));
      }
      ASSERT_EQ(m.tree_illegal_o, m.fast_illegal_o);
    }
    this->tick();
  }
}

}  // namespace
}  // namespace tern::test
