// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "io/convert.hpp"
#include "io/image.hpp"
#include "io/model_files.hpp"
#include "spec/numerics/sample.hpp"
#include "tern/device.hpp"

namespace tern::cli {

/// The flags that every command shares.
struct Options {
  std::string backend = "golden:";
  std::string config;  ///< Empty: the backend's, else edge.
  std::filesystem::path model;
  uint64_t seed = 1;
  bool json = false;
  bool quiet = false;
  DeviceOptions device;
  io::ConvertSettings convert;
};

/// Options added while this lives stand under this title in a command's help.
class OptionGroup {
 public:
  OptionGroup(CLI::App& app, const std::string& title)
      : app_(app), before_(app.option_defaults()->get_group()) {
    app.option_defaults()->group(title);
  }
  ~OptionGroup() { app_.option_defaults()->group(before_); }
  OptionGroup(const OptionGroup&) = delete;
  OptionGroup& operator=(const OptionGroup&) = delete;

 private:
  CLI::App& app_;
  std::string before_;
};

/// Names that a flag takes, for its check: an unknown one is a usage error.
std::vector<std::string> config_names();
CLI::Validator is_config();
/// Of a DRAM; files are looked at when they are read.
CLI::Validator is_dram();
/// A line for each choice behind the help of a command, under a title.
void add_list(CLI::App& app, const std::string& title, const std::vector<std::string>& lines);

void add_model_options(CLI::App& app, Options& options);
/// --context, the positions of the model's image.
void add_context_option(CLI::App& app, Options& options);
void add_backend_options(CLI::App& app, Options& options);
/// --threads, which is among the backend options too.
void add_threads_option(CLI::App& app, Options& options);
/// --dram and --clock-mhz, which are among the backend options too.
void add_dram_options(CLI::App& app, Options& options);
void add_output_options(CLI::App& app, Options& options);

/// How tokens are drawn.
struct SamplingOptions {
  double temperature = 0.7;
  double top_p = 0.95;
  uint32_t top_k = spec::kCandidates;
};
void add_sampling_options(CLI::App& app, SamplingOptions& options);
/// Sampling settings for Device::generate().
GenerateSettings generate_settings(const SamplingOptions& options);
/// The same for spec::sample().
spec::SampleSettings sample_settings(const SamplingOptions& options);

/// "78.0 % beats, 3.1 % loads, ...": where the cycles between two counts went.
std::string describe_cycles(const Counters& before, const Counters& after);

/// "93.1 % of 19.2 GB/s used; ...": what a DRAM did, of a report's counters.
std::string describe_memory(const MemoryReport& memory);
nlohmann::json memory_json(const MemoryReport& memory);

/// A model as it was found: an image, and the files it came from when there are any. Both stay
/// where they are when this is moved, since a device refers to them.
struct LoadedModel {
  std::unique_ptr<io::ModelFiles> files;
  std::unique_ptr<io::Image> image;
};

/// Whether a file begins as a .tern image does.
bool is_image(const std::filesystem::path& path);
/// Opens the .tern image or converts the GGUF file or folder of `options` in memory, for `chip`.
/// Says on stderr when the context is shorter than the model's, and when a model that need not run
/// on the chip cannot.
LoadedModel load_model(const Options& options, const spec::ChipConfig& chip);
/// `options` for a model that need not run on a chip unless a configuration is named.
Options for_golden(Options options);
/// Says on stderr that a model of `all` positions got only `positions`, if that was not asked for.
void note_context(uint32_t positions, int all, const Options& options);
/// Opens the GGUF file or folder of `options`, and says on stderr what is to be known of how it was
/// read.
std::unique_ptr<io::ModelFiles> open_model_files(const Options& options);
/// What `options` says about a GGUF file.
io::GgufOptions gguf_options(const Options& options);

/// The backend of `options` and the model that it takes.
struct Session {
  LoadedModel model;
  std::unique_ptr<Device> device;
};
/// What a command that generates text needs; owns all of it.
struct TextSession {
  Session session;
  std::optional<io::Tokenizer> own_tokenizer;  ///< of a model that has no image
  const io::Tokenizer* tokenizer = nullptr;
  std::string name;
  int64_t context = 0;
};
/// As open_session(); the backend "reference:" without a file of its own needs no image of the
/// model, and so runs models that an image cannot express.
std::unique_ptr<TextSession> open_text_session(const Options& options);

/// Opens both.
Session prepare_session(const Options& options);
/// And loads the model into the device.
Session open_session(const Options& options);

}  // namespace tern::cli
