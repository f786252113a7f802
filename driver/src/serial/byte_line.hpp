// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tern::driver {

/// A line of bytes to a board, with a clock to measure time-outs by: a serial port, or a simulated
/// board in this process. Throws tern::Error when the line is gone.
class ByteLine {
 public:
  virtual ~ByteLine() = default;

  /// For messages: "/dev/ttyUSB0".
  virtual std::string name() const = 0;

  virtual void write(std::span<const uint8_t> bytes) = 0;
  /// Waits until a byte has come or `seconds` have passed; takes what is there. Returns the number
  /// of bytes, 0 for none.
  virtual std::size_t read(std::span<uint8_t> bytes, double seconds) = 0;
  /// Drops what has come and was not read.
  virtual void discard() = 0;

  /// Seconds that drivers, adapters and this machine may add to a reply.
  virtual double latency() const = 0;
  /// Seconds since any fixed moment.
  virtual double now() const = 0;
};

}  // namespace tern::driver
