// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tern/backend_options.hpp"

/// The options of all backends. Which backend takes which is said where it is registered
/// (backends.cpp).
namespace tern::sim {

/// Clocks of a chip.
inline constexpr RealRange kClockRange{0.1, 20'000, "MHz"};

extern const BackendOption kThreads;
extern const BackendOption kBody;
extern const BackendOption kLatency;
extern const BackendOption kDram;      ///< Empty: a memory of fixed latency.
extern const BackendOption kClockMhz;  ///< 0: the chip's port moves the DRAM's peak.
extern const BackendOption kStall;
extern const BackendOption kTrace;
extern const BackendOption kTimeline;

/// What is wrong with the name of a DRAM, and which there are; empty if it is known or names a
/// file, which is looked at when it is read.
std::string dram_problem(const std::string& name);

}  // namespace tern::sim
