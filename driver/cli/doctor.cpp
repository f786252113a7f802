// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "commands.hpp"
#include "doctor_report.hpp"
#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "io/file_status.hpp"
#include "io/hf_config.hpp"
#include "io/tokenizer.hpp"
#include "options.hpp"
#include "output.hpp"

namespace tern::cli {
namespace {

using nlohmann::json;

void describe_tensors(const io::Gguf& gguf, DoctorReport& report) {
  std::map<std::string, std::pair<int, uint64_t>> types;
  std::set<std::string> notes;
  for (const io::GgufTensor& tensor : gguf.tensors()) {
    auto& [count, bytes] = types[io::tensor_type_name(tensor.type)];
    ++count;
    bytes += tensor.bytes.size();
    if (tensor.layout == io::TensorLayout::kBlocksOf128)
      notes.insert(
          "Q2_0 tensors have blocks of 128, not llama.cpp's 64: taken as such, by their size");
    if (tensor.layout == io::TensorLayout::kArm)
      notes.insert("I2_S tensors are read in the order of ARM");
    if (tensor.layout == io::TensorLayout::kX86)
      notes.insert("I2_S tensors are read in the order of x86, as --i2s-order says");
    if (tensor.type == static_cast<uint32_t>(io::TensorType::kI2_S) &&
        tensor.layout == io::TensorLayout::kStandard)
      notes.insert("nothing in the file says the order of its I2_S tensors: see --i2s-order");
  }
  for (const auto& [name, sum] : types)
    report.facts["tensor_types"][name] = {{"tensors", sum.first}, {"bytes", sum.second}};
  report.facts["format"] = fmt::format("GGUF version {}", gguf.version());
  report.unusual.insert(report.unusual.end(), notes.begin(), notes.end());
}

/// All that needs a model that can be opened.
void describe_files(const io::ModelFiles& files, const spec::ChipConfig& chip, const Options& o,
                    DoctorReport& report) {
  for (const std::string& note : files.notes()) report.unusual.push_back(note);
  report.attempt([&] { describe_weights(files, chip, o, report); });
  report.attempt([&] { describe_range(files, chip, report); });
}

/// Each part by itself, so that what is wrong with one does not hide another.
void examine_gguf(const Options& o, const spec::ChipConfig& chip, DoctorReport& report) {
  const io::Gguf gguf(o.model, model_options(o).gguf);
  describe_tensors(gguf, report);
  std::optional<io::ModelConfig> config;
  report.attempt([&] { config = io::read_model_shape(gguf); });
  if (config) describe_model_facts(*config, report);
  std::vector<std::string> obstacles;
  if (config) report.attempt([&] { obstacles = io::model_obstacles(gguf, *config); });
  report.obstacles.insert(report.obstacles.end(), obstacles.begin(), obstacles.end());
  report.attempt(
      [&] { describe_tokenizer(io::Tokenizer(io::read_gguf_vocabulary(gguf)), {}, report); });
  if (!config) return;
  if (obstacles.empty())
    report.attempt([&] { describe_files(*io::model_files(gguf), chip, o, report); });
  else
    describe_fit(*config, chip, o, report);
}

void examine_folder(const Options& o, const spec::ChipConfig& chip, DoctorReport& report) {
  report.facts["format"] = "Hugging Face folder";
  std::unique_ptr<io::ModelFiles> files;
  report.attempt([&] { files = io::open_model(o.model); });
  if (files) {
    describe_model_facts(files->config(), report);
    report.attempt([&] {
      describe_tokenizer(io::Tokenizer(files->vocabulary()), files->config().vocab, report);
    });
    describe_files(*files, chip, o, report);
    return;
  }
  if (!io::path_exists(o.model / "config.json")) return;
  // What config.json says, unless that is what is wrong.
  try {
    const io::ModelConfig config = io::read_hf_config(o.model).model;
    describe_model_facts(config, report);
    describe_fit(config, chip, o, report);
  } catch (const Error& e) {
    if (e.what() != report.obstacles.back()) report.obstacles.emplace_back(e.what());
  }
}

void print(const Options& o, const DoctorReport& report) {
  say("{}\n", o.model.string());
  const auto line = [](const std::string& name, const json& value) {
    say("  {}: {}\n", name, value.is_string() ? value.get<std::string>() : json_text(value));
  };
  for (const auto& [name, value] : report.facts.items()) {
    if (!value.is_object()) {
      line(name, value);
      continue;
    }
    for (const auto& [part, inner] : value.items()) line(fmt::format("{} {}", name, part), inner);
  }
  for (const std::string& what : report.unusual) say("unusual: {}\n", what);
  for (const std::string& what : report.obstacles) say("obstacle: {}\n", what);
  say("the chip {} run it\n", report.obstacles.empty() ? "can" : "cannot");
}

void examine(const Options& o, const spec::ChipConfig& chip, DoctorReport& report) {
  if (io::is_folder(o.model))
    examine_folder(o, chip, report);
  else if (is_image(o.model))
    describe_image(o, report);
  else
    examine_gguf(o, chip, report);
}

int doctor(const Options& o) {
  const spec::ChipConfig& chip = io::find_config(o.config.empty() ? "edge" : o.config);
  DoctorReport report;
  report.attempt([&] { examine(o, chip, report); });
  if (o.json) {
    say_json({{"file", o.model.string()},
              {"facts", report.facts},
              {"unusual", report.unusual},
              {"obstacles", report.obstacles},
              {"runs", report.obstacles.empty()}});
  } else {
    print(o, report);
  }
  return report.obstacles.empty() ? 0 : 1;
}

}  // namespace

void add_doctor(CLI::App& app, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App* sub = app.add_subcommand(
      "doctor", "Say what a model file is, what is unusual in it, and whether the chip can run it");
  add_model_options(*sub, *o);
  add_context_option(*sub, *o);
  sub->add_option("file", o->model,
                  "GGUF file, Hugging Face folder or .tern image; the same as --model");
  add_output_options(*sub, *o);
  sub->callback([o, &action] { action = [o] { return doctor(*o); }; });
}

}  // namespace tern::cli
