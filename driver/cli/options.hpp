// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "io/convert.hpp"
#include "tern/device.hpp"
#include "tern/sampling.hpp"
#include "tern/session.hpp"

namespace tern::cli {

/// The flags that every command shares.
struct Options {
  std::string backend = "golden:";
  std::string config;  ///< Empty: the backend's, else edge.
  std::filesystem::path model;
  uint64_t seed = 1;
  bool json = false;
  bool quiet = false;
  BackendOptions device;  ///< As far as they were given.
  uint64_t timeout_cycles = DeviceSettings{}.timeout_cycles;
  std::string i2s_order, pre_tokenizer;  ///< Of GGUF files; empty: what they say.
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
/// The flag of one option that backends take; add_backend_options() has all of them.
void add_declared_option(CLI::App& app, const BackendOption& declared, Options& options);
void add_output_options(CLI::App& app, Options& options);

void add_sampling_options(CLI::App& app, Sampling& options);

/// "78.0 % beats, 3.1 % loads, ...": where the cycles between two counts went.
std::string describe_cycles(const Counters& before, const Counters& after);

/// "93.1 % of 19.2 GB/s used; ...": what a DRAM did, of a report's counters.
std::string describe_memory(const MemoryReport& memory);
nlohmann::json memory_json(const MemoryReport& memory);

/// What `options` say of the model; what is to be known of it goes to stderr unless they are quiet.
ModelOptions model_options(const Options& options);

/// The device of `options` and its model, which it has not loaded. Throws Error when a file that a
/// simulated chip is to write is read, or is another's too.
Setup prepare_setup(const Options& options);
/// The same, and the model is loaded.
Setup open_setup(const Options& options);
/// What a command that generates text needs. Throws Error as prepare_setup().
std::unique_ptr<Session> open_session(const Options& options);

}  // namespace tern::cli
