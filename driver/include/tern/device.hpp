#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spec/trace.hpp"

namespace tern::io {
class Image;
}

namespace tern {

/// Logits of one position: real value = values[token] * scale.
struct Logits {
  std::vector<int32_t> values;  ///< [vocab]
  spec::ScaleBits scale{};      ///< Real value of one unit.
};

/// What a device has counted since it was opened or its counters were cleared.
struct Counters {
  uint64_t cycles = 0;        ///< Chip cycles; 0 on a device without a clock.
  uint64_t beats = 0;         ///< Weight beats consumed by the matrix engine.
  uint64_t load_beats = 0;    ///< Activation beats.
  uint64_t result_beats = 0;  ///< Result beats.
  uint64_t stall_read = 0;    ///< Cycles in which the engine waited for data.
  uint64_t stall_drain = 0;   ///< Cycles in which the engine waited for its accumulators.
  uint64_t trit_macs = 0;  ///< Trits streamed times activation columns in use; padding not counted.
};

/// Choices that some backends take. Those that a backend does not know are refused with an error.
struct DeviceOptions {
  std::filesystem::path gguf_file;   ///< reference: the model's GGUF file, since float32 needs more
                                     ///< than an image holds.
  std::string body = "fast";         ///< rtl: body of the adder-tree array, "fast" or "tree".
  std::filesystem::path trace_file;  ///< rtl: FST file; empty for none. Needs the tree body.
  uint32_t memory_latency = 40;      ///< rtl: cycles from read request to first beat.
  double memory_stall = 0.0;         ///< rtl: probability of a stall per cycle and channel.
  uint64_t seed = 1;                 ///< rtl: seed of the stalls.
  uint64_t timeout_cycles = 100'000'000;  ///< rtl: longest wait for a command.
};

/// A machine that runs a model: the golden model, a simulation, a board. Positions count up from 0
/// with every token given to forward().
class Device {
 public:
  virtual ~Device() = default;

  /// Opens "golden:", "reference:", "rtl:nano", "rtl:edge". Throws tern::Error that lists the known
  /// backends for any other name.
  static std::unique_ptr<Device> open(std::string_view backend, const DeviceOptions& options = {});

  /// The chip's configuration, or nullopt where an image for any configuration will do.
  virtual std::optional<spec::ChipConfig> config() const = 0;

  /// Takes a model. The image must outlive the device's use of it. Throws tern::Error when the
  /// device cannot run it.
  virtual void load(const io::Image& image) = 0;

  /// Empties the KV cache: the next token has position 0.
  virtual void reset() = 0;

  /// Runs tokens at the next positions; returns the logits after the last one. Throws tern::Error
  /// when the context would overflow, when the device reports an error or does not answer in time.
  virtual Logits forward(std::span<const int32_t> tokens) = 0;

  virtual int position() const = 0;
  virtual Counters counters() const = 0;

  /// Sends every traced vector to `sink`; an empty sink turns tracing off.
  virtual void set_trace(TraceSink sink) = 0;
};

/// Makes backends known to Device::open(). A factory gets the part of the name after the colon.
using DeviceFactory =
    std::function<std::unique_ptr<Device>(std::string_view argument, const DeviceOptions& options)>;
void register_backend(std::string name, std::string description, DeviceFactory factory);

/// The registered backends, "name: description", in order of registration.
std::vector<std::string> known_backends();

}  // namespace tern
