// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "io/error.hpp"

namespace tern::test {

/// What the tern::Error says that an action throws.
template <typename Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

#define EXPECT_ERROR(action, text)                                             \
  do {                                                                         \
    const std::string what = error_of([&] { action; });                        \
    EXPECT_NE(what.find(text), std::string::npos) << "the error is: " << what; \
  } while (false)

}  // namespace tern::test
