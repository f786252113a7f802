// SPDX-License-Identifier: Apache-2.0
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

#include "io/gguf.hpp"
#include "spec/kv_state.hpp"
#include "spec/trace.hpp"
#include "tern/backend_options.hpp"
#include "tern/memory_report.hpp"
#include "tern/transport.hpp"

namespace tern::io {
class Image;
class ModelFiles;
}  // namespace tern::io

namespace tern {

/// Logits of one position: real value = values[token] * scale.
struct Logits {
  std::vector<int32_t> values;  ///< [vocab]
  spec::ScaleBits scale{};      ///< Real value of one unit.
};

/// What a device has counted since it was opened. All are 0 on a device without a clock.
struct Counters {
  uint64_t cycles = 0;       ///< Chip cycles.
  uint64_t beats = 0;        ///< Beats of matrices consumed by the matrix engine.
  uint64_t load_beats = 0;   ///< Beats read into the scratchpad.
  uint64_t store_beats = 0;  ///< Beats written to memory.
  uint64_t stall_read = 0;   ///< Cycles in which the engine waited for data.
  uint64_t stall_drain = 0;  ///< Cycles in which the engine waited for its accumulators.
  uint64_t stall_wait = 0;   ///< Cycles in which the engine waited for another unit.
  uint64_t stall_idle = 0;   ///< Cycles of work in which the engine had no command.
  uint64_t vector_busy = 0;  ///< Cycles in which the vector unit ran a command.
  uint64_t commands = 0;     ///< Commands that the controller issued.
  uint64_t saturations = 0;  ///< Elements of the residual stream that saturated.
  uint64_t illegal = 0;      ///< Illegal T5 codes streamed.
  uint64_t bus_errors = 0;   ///< Memory responses that were not OKAY, and beats of wrong parity.
  uint64_t trit_macs = 0;    ///< Trits of matrices times tokens that they were multiplied with.
};

/// How generate() goes on after the prompt.
struct GenerateSettings {
  spec::ScaleBits inverse_temperature{};  ///< 1 / temperature; m = 0 takes the likeliest token.
  uint32_t top_k = spec::kTopK;           ///< Candidates, 1 to kTopK.
  uint32_t top_p_q16 = 65536;             ///< Probability that the candidates must reach, Q16.
  uint32_t max_new = 0;                   ///< Tokens to sample at most.
  uint32_t group = 0;       ///< Prompt tokens taken together; 0: as many as the device can.
  bool stop_at_end = true;  ///< Stop after any of the model's end tokens (Tokenizer::ends()).
  std::vector<int32_t> stop_tokens;  ///< Others to stop after; with the model's at most
                                     ///< spec::kStopTokens.
  uint64_t random_state = 0;         ///< Of the generator (sample.hpp).
};

struct Generated {
  uint32_t tokens = 0;        ///< Tokens sampled, that which stopped it included.
  uint64_t random_state = 0;  ///< To go on with.
};

/// Called with each sampled token, as it comes.
using TokenSink = std::function<void(int32_t token)>;

/// What a device is opened with. But for the options, every backend may be given all of it, and
/// takes what it has use for.
struct DeviceSettings {
  BackendOptions options;                 ///< Those that the backend declares.
  std::filesystem::path model_file;       ///< reference: since float32 needs more than an image.
  io::GgufOptions gguf;                   ///< reference: what that file cannot say about itself.
  uint64_t seed = 1;                      ///< Of simulated stalls and faults.
  uint64_t timeout_cycles = 100'000'000;  ///< Chips: longest time without any progress.
  MemoryProgress load_progress;           ///< Boards: told how far the upload of a model is.
};

/// A machine that runs a model: the golden model, a simulation, a board. Positions count up from 0
/// with every token that is run. Whatever throws on a chip empties the KV cache: the model stays,
/// position() is 0, and the next call starts the chip again.
class Device {
 public:
  virtual ~Device() = default;

  /// Opens "golden:", "rtl:nano", "uart:/dev/ttyUSB0", ... Throws tern::Error that lists the known
  /// backends for any other name, and one that names the option which the backend does not take
  /// (unless it has its default) or whose value is out of its range.
  static std::unique_ptr<Device> open(std::string_view backend,
                                      const DeviceSettings& settings = {});

  /// The chip's configuration, or nullopt where an image for any configuration will do.
  virtual std::optional<spec::ChipConfig> config() const = 0;

  /// Whether tokens, logits and traced vectors mean anything; a model of the chip's time alone has
  /// none, but counters.
  virtual bool computes() const { return true; }

  /// Takes a model. The image must outlive the device's use of it. Throws tern::Error when the
  /// device cannot run it.
  virtual void load(const io::Image& image) = 0;

  /// Whether load_files() takes models, those that no image can express among them.
  virtual bool takes_files() const { return false; }

  /// Takes a model from its files, which may go afterwards; `ends` are its end tokens. Throws
  /// tern::Error when the device cannot run it, or takes images alone.
  virtual void load_files(const io::ModelFiles& files, std::span<const int32_t> ends);

  /// Empties the KV cache: the next token has position 0.
  virtual void reset() = 0;

  /// Takes the KV cache of `positions` tokens as given in place of running them: the next token has
  /// that position. Throws tern::Error when a device cannot, and when the context is shorter.
  virtual void seek(uint32_t positions, const KvSource& source);

  /// Runs tokens at the next positions; returns the logits after the last one. `group` tokens are
  /// taken together where a device can do that; 0 leaves it to the device. Throws tern::Error when
  /// the context would overflow, when the device reports an error or does not answer in time.
  virtual Logits forward(std::span<const int32_t> tokens, uint32_t group = 0) = 0;

  /// Runs the prompt at the next positions, then samples tokens and runs each but the last. Throws
  /// as forward(), and when a setting is out of range.
  virtual Generated generate(std::span<const int32_t> prompt, const GenerateSettings& settings,
                             const TokenSink& token) = 0;

  virtual int position() const = 0;
  virtual Counters counters() const = 0;

  /// The DRAM of a simulated chip; nullopt where there is no model of one.
  virtual std::optional<MemoryReport> memory_report() { return std::nullopt; }

  /// Ends what is recorded of a simulated chip (trace and timeline) and makes the files whole. To
  /// be called last: without, the files come with the end of the device, and errors are only
  /// printed. Throws tern::Error when a file cannot be written; no part of it is left then.
  virtual void end_recordings() {}

  /// Sends every traced vector to `sink`; an empty sink turns tracing off.
  virtual void set_trace(TraceSink sink) = 0;
};

/// Opens a device. Gets the part of the backend's name after the colon; options are those that
/// the backend declares, of their ranges.
using DeviceFactory = std::function<std::unique_ptr<Device>(std::string_view argument,
                                                            const DeviceSettings& settings)>;

/// A kind of device, and what it takes.
struct Backend {
  std::string name;         ///< Before the colon.
  std::string description;  ///< A line for a list of them.
  std::vector<const BackendOption*> options;
  DeviceFactory open;
};

/// Makes a backend known to Device::open(), in place of another of its name.
void register_backend(Backend backend);

/// In order of registration.
const std::vector<Backend>& registered_backends();
/// The same as texts, "name: description".
std::vector<std::string> known_backends();
/// The options of all of them, each once, in order.
std::vector<const BackendOption*> declared_options();
/// What an option is in a help: the names of the backends that take it, and its text.
std::string describe(const BackendOption& option);

}  // namespace tern
