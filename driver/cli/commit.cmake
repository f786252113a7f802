# SPDX-License-Identifier: Apache-2.0
# Writes OUT, a C++ header with the commit that is checked out at SOURCE; leaves it alone if it says so already.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND git --no-optional-locks -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
if(failed)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "// Written by driver/cli/commit.cmake.\n#pragma once\n\nnamespace tern::cli {\ninline constexpr const char* kCommit = \"@commit@\";\n}  // namespace tern::cli\n" @ONLY)
