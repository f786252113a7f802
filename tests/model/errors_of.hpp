// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "io/error.hpp"

namespace tern::test {

/// The message of the Error that `action` throws, which is to be one line; "no error" without one.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    const std::string message = e.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }
  return "no error";
}

/// Whether `action` throws an Error whose message has all of these parts.
inline testing::AssertionResult fails_with(const std::function<void()>& action,
                                           std::initializer_list<std::string_view> parts) {
  const std::string message = error_of(action);
  for (const std::string_view part : parts) {
    if (message.find(part) == std::string::npos)
      return testing::AssertionFailure() << "\"" << part << "\" is not in: " << message;
  }
  return testing::AssertionSuccess();
}

}  // namespace tern::test
