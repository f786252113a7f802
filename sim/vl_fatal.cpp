// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "io/error.hpp"

/// Called by the Verilated code when an assertion of the RTL fails, after it has printed where and
/// why. Every model is built with VL_USER_FATAL, so that a failing assertion ends in an error like
/// any other instead of an abort.
void vl_fatal(const char* file, int line, const char*, const char*) {
  throw tern::Error("an assertion of the RTL failed at {}:{}; its name and scope are printed above",
                    std::filesystem::path(file).filename().string(), line);
}
