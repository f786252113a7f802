// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "byte_line.hpp"

namespace tern::driver {

/// Rate of the line when a backend's name gives none: that of the board's bitstream.
inline constexpr uint32_t kDefaultBaud = 3'000'000;

/// "PATH" or "PATH,BAUD": opens a serial port with 8 data bits, no parity, 1 stop bit and no flow
/// control, for this process alone. Throws tern::Error that says why it cannot be had.
std::unique_ptr<ByteLine> open_serial_port(std::string_view argument);

}  // namespace tern::driver
