// SPDX-License-Identifier: Apache-2.0
#include "serial_port.hpp"

#include <linux/serial.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "io/error.hpp"

// Behind <utility>, which Boost 1.74 uses without including it.
// clang-format off
#include <boost/asio.hpp>
#include <boost/asio/serial_port.hpp>
// clang-format on

namespace tern::driver {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// Longest time in which a line takes a frame. At 9600 baud the longest takes a second.
constexpr double kWriteSeconds = 5;

constexpr const char* kNoPort = "not a serial port; give the board's, such as /dev/ttyUSB0";

std::string advice(const error_code& error) {
  if (error == boost::system::errc::no_such_file_or_directory)
    return "no such device; is the board plugged in? Its name is under /dev/serial/by-id";
  if (error == boost::system::errc::permission_denied)
    return "no permission; add yourself to the group that owns it (dialout) and log in again";
  if (error == boost::system::errc::device_or_resource_busy)
    return "another program has it open; end that one first";
  if (error == boost::system::errc::inappropriate_io_control_operation) return kNoPort;
  return error.message();
}

class SerialPort final : public ByteLine {
 public:
  SerialPort(std::string path, uint32_t baud) : path_(std::move(path)), port_(context_) {
    error_code error;
    port_.open(path_, error);
    if (error) throw Error("{}: {}", path_, advice(error));
    if (ioctl(port_.native_handle(), TIOCEXCL) != 0) throw Error("{}: {}", path_, kNoPort);
    using Base = asio::serial_port_base;
    port_.set_option(Base::character_size(8), error);
    if (!error) port_.set_option(Base::parity(Base::parity::none), error);
    if (!error) port_.set_option(Base::stop_bits(Base::stop_bits::one), error);
    if (!error) port_.set_option(Base::flow_control(Base::flow_control::none), error);
    if (error) throw Error("{}: cannot be set to 8N1: {}", path_, error.message());
    port_.set_option(Base::baud_rate(baud), error);
    if (error) {
      throw Error("{}: has no rate of {} baud ({}); give the rate of the board's bitstream", path_,
                  baud, error.message());
    }
    ask_for_low_latency();
  }

  std::string name() const override { return path_; }

  void write(std::span<const uint8_t> bytes) override {
    std::optional<error_code> result;
    asio::async_write(port_, asio::buffer(bytes.data(), bytes.size()),
                      [&](const error_code& error, std::size_t) { result = error; });
    run(kWriteSeconds, result);
    if (!result) {
      cancel(result);
      throw Error("{}: the line takes no bytes; unplug the board and plug it in again", path_);
    }
    if (*result) lost(*result);
  }

  std::size_t read(std::span<uint8_t> bytes, double seconds) override {
    std::optional<error_code> result;
    std::size_t count = 0;
    port_.async_read_some(asio::buffer(bytes.data(), bytes.size()),
                          [&](const error_code& error, std::size_t n) {
                            result = error;
                            count = n;
                          });
    run(seconds, result);
    if (!result) cancel(result);
    if (result && *result && *result != asio::error::operation_aborted) lost(*result);
    return count;
  }

  void discard() override { tcflush(port_.native_handle(), TCIFLUSH); }

  double latency() const override { return 0.05; }
  double now() const override {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

 private:
  /// USB adapters hold back what they receive, by default for 16 ms; a request and its reply would
  /// take as long. Ports that know no such thing stay as they are.
  void ask_for_low_latency() {
    serial_struct settings{};
    if (ioctl(port_.native_handle(), TIOCGSERIAL, &settings) != 0) return;
    settings.flags |= ASYNC_LOW_LATENCY;
    ioctl(port_.native_handle(), TIOCSSERIAL, &settings);
  }

  void run(double seconds, const std::optional<error_code>& result) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(seconds));
    context_.restart();
    while (!result) {
      const Clock::duration left = end - Clock::now();
      if (left <= Clock::duration::zero()) break;
      context_.run_one_for(left);
    }
  }

  /// Its handler refers to the caller's variables: it has run when this returns.
  void cancel(const std::optional<error_code>& result) {
    port_.cancel();
    context_.restart();
    while (!result && context_.run_one() != 0) {
    }
  }

  [[noreturn]] void lost(const error_code& error) const {
    throw Error("{}: the line is gone ({}); was the board unplugged, or the emulator ended?", path_,
                error.message());
  }

  std::string path_;
  asio::io_context context_{1};
  asio::serial_port port_;
};

}  // namespace

std::unique_ptr<ByteLine> open_serial_port(std::string_view argument) {
  const std::size_t comma = argument.rfind(',');
  const std::string path(argument.substr(0, comma));
  uint32_t baud = kDefaultBaud;
  if (comma != std::string_view::npos) {
    const std::string_view text = argument.substr(comma + 1);
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), baud);
    if (failure != std::errc() || end != text.data() + text.size() || baud == 0)
      throw Error("{}: {} is no rate in baud; write PATH,3000000", path, quote(text));
  }
  if (path.empty())
    throw Error("no serial port is named; write uart:/dev/ttyUSB0 or uart:/dev/ttyUSB0,BAUD");
  return std::make_unique<SerialPort>(path, baud);
}

}  // namespace tern::driver
