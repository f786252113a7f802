// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>

/// Included before everything else in the Verilated code: what the RTL prints is diagnostics, and
/// goes to stderr.
#define VL_PRINTF(...) std::fprintf(stderr, __VA_ARGS__)
