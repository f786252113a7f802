#include <fmt/format.h>

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "commands.hpp"
#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "io/image_parts.hpp"
#include "io/mapped_file.hpp"
#include "io/tokenizer.hpp"
#include "io/weight_formats.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "spec/numerics/embedding.hpp"

namespace tern::cli {
namespace {

using nlohmann::json;

/// What is said about a model; `obstacles` keep the chip from running it.
struct Report {
  json facts = json::object();
  std::vector<std::string> unusual, obstacles;

  /// An Error of `action` is an obstacle.
  template <typename Action>
  void attempt(const Action& action) {
    try {
      action();
    } catch (const Error& e) {
      obstacles.emplace_back(e.what());
    }
  }
};

void describe_tensors(const io::Gguf& gguf, Report& report) {
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

void describe_model_facts(const io::ModelConfig& c, Report& report) {
  report.facts.update({{"architecture", c.arch},
                       {"name", c.name},
                       {"layers", c.layers},
                       {"hidden", c.hidden},
                       {"heads", c.heads},
                       {"kv_heads", c.kv_heads},
                       {"head_dim", c.head_dim},
                       {"ffn", c.ffn},
                       {"vocab", c.vocab},
                       {"context", c.context},
                       {"tied", c.tied}});
  if (c.heads * c.head_dim != c.hidden)
    report.unusual.push_back(
        fmt::format("{} heads of {} are not the hidden size {}", c.heads, c.head_dim, c.hidden));
}

void describe_tokenizer(const io::ModelFiles& files, Report& report) {
  const io::Tokenizer tokenizer(files.vocabulary());
  const io::Vocabulary& v = tokenizer.vocabulary();
  const bool bytes = v.kind == io::TokenizerKind::kByteLevel;
  report.facts["tokenizer"] =
      bytes ? fmt::format("byte-level BPE ({})", v.pre) : std::string("SentencePiece BPE");
  const auto unused = std::count(v.types.begin(), v.types.end(), io::TokenType::kUnused);
  if (unused > 0) report.unusual.push_back(fmt::format("{} tokens are unused padding", unused));
  if (v.nfc) report.unusual.emplace_back("the tokenizer brings text into Unicode's form NFC");
  if (tokenizer.size() != files.config().vocab) {
    report.obstacles.push_back(fmt::format("the tokenizer has {} tokens, the model {}",
                                           tokenizer.size(), files.config().vocab));
  }
}

/// How many weights there are of which kind.
void count_weights(const io::ModelFiles& files, bool quiet, Report& report) {
  std::vector<std::string> linears;
  for (const io::ExpectedTensor& tensor : io::expected_tensors(files.config())) {
    if (!tensor.optional && tensor.name.starts_with("blk.") && tensor.shape.size() == 2)
      linears.push_back(tensor.name);
  }
  uint64_t trits = 0, bits = 0, floats = 0;
  std::size_t grouped = 0;
  Progress progress("doctor", linears.size(), quiet);
  for (std::size_t i = 0; i < linears.size(); ++i) {
    const std::optional<io::TernaryFormat> format = files.ternary_format(linears[i]);
    (!format ? floats : format->signs ? bits : trits) += files.size(linears[i]).elements();
    grouped += format && format->group != 0;
    progress.update(i + 1, linears[i]);
  }
  report.facts["linear_weights"] = {{"trits", trits}, {"bits", bits}, {"other", floats}};
  if (grouped != 0)
    report.unusual.push_back(
        fmt::format("{} of {} linear layers have several scales", grouped, linears.size()));
}

/// What the chip makes of the matrices, and what a decoded token streams of them.
void describe_weights(const io::ModelFiles& files, const spec::ChipConfig& chip,
                      const io::ConvertSettings& settings, Report& report) {
  const io::ModelConfig& c = files.config();
  const auto bytes_of = [&](std::string_view tensor, const io::MatrixFormat& format) {
    const io::MatrixSize size = files.size(tensor);
    const spec::MatrixDescriptor m =
        io::describe_matrix(static_cast<uint32_t>(size.rows), static_cast<uint32_t>(size.cols),
                            format, chip, files.file(), tensor);
    return uint64_t{m.beats} * chip.columns;
  };
  uint64_t weights = 0;
  std::map<std::string, std::vector<std::string_view>> forms;
  for (const std::string_view part : io::kLinearParts) {
    io::MatrixFormat format = io::kTrits;
    bool fits = true;
    try {
      format = io::layer_format(files, part, chip, settings);
    } catch (const Error& e) {
      fits = false;  // sizes are then those of one plane of trits
      report.obstacles.emplace_back(e.what());
    }
    if (fits) forms[io::format_name(format)].push_back(part);
    for (int layer = 0; layer < c.layers; ++layer)
      weights += bytes_of(io::layer_tensor(layer, part), format);
  }
  constexpr std::string_view kEmbedding = "token_embd.weight";
  const std::string_view head = c.tied ? kEmbedding : "output.weight";
  const std::optional<io::MatrixFormat> trits = io::table_format(files, kEmbedding, chip);
  const io::MatrixFormat head_format = io::table_format(files, head, chip).value_or(io::kValues);
  spec::ModelDescriptor model = io::describe_model(c, chip, files.file());
  std::vector<spec::LayerDescriptor> layers(static_cast<std::size_t>(c.layers));
  io::place_caches(model, layers, chip.columns);
  const uint64_t head_bytes = bytes_of(head, head_format);
  const uint64_t caches = uint64_t{model.layers} * model.kv_heads *
                          (uint64_t{model.key_cache_bytes} + model.value_cache_bytes);
  const uint64_t embedding = trits ? spec::embedding_bytes(model.vocab, model.hidden, trits->group)
                                   : 2 * uint64_t{model.vocab} * model.hidden;
  const uint64_t rope = 2 * uint64_t{model.context} * model.head_dim;
  report.facts["chip"] = {
      {"config", chip.name},
      {"weight_bytes_per_token", weights},
      {"head_bytes_per_token", head_bytes},
      {"head", io::format_name(head_format)},
      {"embedding", trits ? fmt::format("trits, a scale for {} columns of a row",
                                        spec::group_columns(trits->group))
                          : std::string("int16")},
      {"embedding_bytes", embedding},
      {"kv_bytes_per_token_at_full_context", caches},
      {"image_bytes_about", weights + head_bytes + embedding + rope},
      {"memory_bytes_about", weights + head_bytes + embedding + rope + model.work_offset}};
  for (const auto& [form, parts] : forms)
    report.facts["chip"]["linear_layers"][form] = fmt::format("{}", fmt::join(parts, ", "));
}

void examine(const Options& o, const spec::ChipConfig& chip, Report& report) {
  std::optional<io::Gguf> gguf;
  std::unique_ptr<io::ModelFiles> files;
  if (std::filesystem::is_directory(o.model)) {
    report.facts["format"] = "Hugging Face folder";
    files = io::open_model(o.model);
  } else {
    gguf.emplace(o.model, gguf_options(o));
    describe_tensors(*gguf, report);
    files = io::model_files(*gguf);
  }
  describe_model_facts(files->config(), report);
  report.attempt([&] { describe_tokenizer(*files, report); });
  report.attempt([&] { count_weights(*files, o.quiet, report); });
  report.attempt([&] { describe_weights(*files, chip, o.convert, report); });
}

void print(const Options& o, const Report& report) {
  fmt::print("{}\n", o.model.string());
  const auto line = [](const std::string& name, const json& value) {
    fmt::print("  {}: {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
  };
  for (const auto& [name, value] : report.facts.items()) {
    if (!value.is_object()) {
      line(name, value);
      continue;
    }
    for (const auto& [part, inner] : value.items()) line(fmt::format("{} {}", name, part), inner);
  }
  for (const std::string& what : report.unusual) fmt::print("unusual: {}\n", what);
  for (const std::string& what : report.obstacles) fmt::print("obstacle: {}\n", what);
  fmt::print("the chip {} run it\n", report.obstacles.empty() ? "can" : "cannot");
}

int doctor(const Options& o) {
  const spec::ChipConfig& chip = io::find_config(o.config.empty() ? "edge" : o.config);
  Report report;
  report.attempt([&] { examine(o, chip, report); });
  if (o.json) {
    fmt::print("{}\n", json{{"file", o.model.string()},
                            {"facts", report.facts},
                            {"unusual", report.unusual},
                            {"obstacles", report.obstacles},
                            {"runs", report.obstacles.empty()}}
                           .dump(-1, ' ', false, json::error_handler_t::replace));
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
  sub->add_option("file", o->model, "GGUF file or Hugging Face folder; the same as --model");
  add_output_options(*sub, *o);
  sub->callback([o, &action] { action = [o] { return doctor(*o); }; });
}

}  // namespace tern::cli
