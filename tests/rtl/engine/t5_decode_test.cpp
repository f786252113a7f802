// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <verilated.h>

#include "Vt5_decode.h"

namespace tern::test {
namespace {

TEST(T5Decode, GivesTheTritsOfEveryCodeAndZerosForIllegalOnes) {
  VerilatedContext context;
  Vt5_decode decode(&context);
  for (int enable = 0; enable < 2; ++enable) {
    for (int code = 0; code < 256; ++code) {
      decode.code_i = code;
      decode.enable_i = enable;
      decode.eval();
      const bool legal = code < 243;
      EXPECT_EQ(decode.illegal_o, enable && !legal) << "code " << code;
      int power = 1;
      for (int i = 0; i < 5; ++i, power *= 3) {
        const int expected = enable && legal ? code / power % 3 - 1 : 0;
        const bool nonzero = (decode.nonzero_o >> i) & 1;
        const bool negative = (decode.negative_o >> i) & 1;
        EXPECT_EQ(nonzero, expected != 0) << "code " << code << " trit " << i;
        EXPECT_EQ(negative, expected < 0) << "code " << code << " trit " << i;
      }
    }
  }
  decode.final();
}

}  // namespace
}  // namespace tern::test
