// SPDX-License-Identifier: Apache-2.0
// Linked into every GoogleTest program: testing::TempDir() of a test is a new folder of its own,
// which goes when the test ends. Tests that run side by side share no file, and what a failed one
// left is not found by the next.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace {

class TestFolder : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override {
    std::string name = (std::filesystem::temp_directory_path() / "tern_test_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
      throw std::system_error(errno, std::generic_category(), "the folder of a test: " + name);
    folder_ = name;
    setenv("TEST_TMPDIR", name.c_str(), 1);
  }
  void OnTestEnd(const testing::TestInfo&) override {
    std::error_code ignored;  // a test may have taken the rights from its files
    std::filesystem::remove_all(folder_, ignored);
    unsetenv("TEST_TMPDIR");
  }

  std::filesystem::path folder_;
};

[[maybe_unused]] const bool kAdded = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new TestFolder);  // the list owns it
  return true;
}();

}  // namespace
