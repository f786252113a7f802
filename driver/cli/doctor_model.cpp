// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "doctor_report.hpp"
#include "io/chat_format.hpp"
#include "io/chip_config.hpp"
#include "io/fit.hpp"
#include "io/skeleton.hpp"
#include "io/tokenizer.hpp"
#include "io/weight_formats.hpp"
#include "progress.hpp"
#include "spec/fit.hpp"
#include "spec/generated/layer.hpp"
#include "spec/numerics/embedding.hpp"

namespace tern::cli {
namespace {

using nlohmann::json;

constexpr std::string_view kEmbedding = "token_embd.weight";
constexpr std::string_view kHead = "output.weight";

/// Of 15 bits, an element this much below the largest keeps seven.
constexpr double kWideRange = 256;

/// The error without the tensor that it names, so that tensors with the same one are told together.
std::string kind_of(std::string message) {
  const std::size_t at = message.find("\"blk.");
  if (at != std::string::npos) message.erase(at, message.find('"', at + 1) + 1 - at);
  return message;
}

/// How many weights there are of which kind; returns the linear layers whose weights are floats.
std::vector<std::string> count_weights(const io::ModelFiles& files, bool quiet,
                                       DoctorReport& report) {
  std::vector<std::string> linears, floats;
  for (const io::ExpectedTensor& tensor : io::expected_tensors(files.config())) {
    if (!tensor.optional && tensor.name.starts_with("blk.") && tensor.shape.size() == 2)
      linears.push_back(tensor.name);
  }
  uint64_t trits = 0, bits = 0, others = 0;
  std::size_t grouped = 0;
  Progress progress("doctor", linears.size(), quiet);
  for (std::size_t i = 0; i < linears.size(); ++i) {
    const std::optional<io::TernaryFormat> format = files.ternary_format(linears[i]);
    if (!format) floats.push_back(linears[i]);
    (!format ? others : format->signs ? bits : trits) += files.size(linears[i]).elements();
    grouped += format && format->group != 0;
    progress.update(i + 1, linears[i]);
  }
  report.facts["linear_weights"] = {{"trits", trits}, {"bits", bits}, {"other", others}};
  if (grouped != 0)
    report.unusual.push_back(
        fmt::format("{} of {} linear layers have several scales", grouped, linears.size()));
  if (!floats.empty())
    report.facts["float_linear_layers"] = fmt::format("{} of {}", floats.size(), linears.size());
  return floats;
}

/// The formats in an image; parts that have none keep one plane of trits, and are obstacles.
io::ModelFormats find_formats(const io::ModelFiles& files, const spec::ChipConfig& chip,
                              const io::ConvertSettings& settings, std::size_t floats,
                              DoctorReport& report) {
  io::ModelFormats out = io::formats_of(io::kTrits, std::nullopt);
  std::map<std::string, std::pair<std::string, int>> errors;  // by kind: the first, how many parts
  for (const spec::PartInfo& part : spec::kParts) {
    try {
      io::MatrixFormat& format = out.linear[part.part];
      format = io::layer_format(files, part.part, chip, settings);
      report.facts["chip"]["linear_layers"][io::format_name(format)].push_back(part.name);
    } catch (const Error& e) {
      ++errors.try_emplace(kind_of(e.what()), e.what(), 0).first->second.second;
    }
  }
  for (const auto& [kind, error] : errors)
    report.obstacles.push_back(error.second == 1
                                   ? error.first
                                   : fmt::format("{} ({} of the {} parts of a layer are so)",
                                                 error.first, error.second, spec::kPartCount));
  if (floats > 0 && settings.weights_trits == 0)
    report.unusual.emplace_back(
        "linear layers of floats: --weights-trits 5 --weights-group 64 is nearest to them, fewer "
        "trits are faster and worse; models that were trained for trits are best converted to "
        "TQ2_0 (docs/models.md)");
  out.embedding = io::table_format(files, kEmbedding, chip);
  out.head = files.config().tied ? out.embedding : io::table_format(files, kHead, chip);
  return out;
}

/// `config` with the context with which the chip runs it; its own, and an obstacle, if none.
io::ModelConfig with_context(io::ModelConfig config, std::string_view origin,
                             const io::ModelFormats& formats, const spec::ChipConfig& chip,
                             const Options& options, DoctorReport& report) {
  const int all = config.context;
  report.attempt([&] {
    config.context = static_cast<int>(
        io::choose_context(config, formats, chip, origin, {options.convert.context}));
  });
  if (config.context < all && options.convert.context == 0)
    report.unusual.push_back(
        fmt::format("context {} of the model's {} positions; --context N takes another number",
                    config.context, all));
  return config;
}

json describe_sizes(const io::Skeleton& s) {
  const spec::ModelDescriptor& m = s.model;
  const uint64_t columns = s.header.columns;
  uint64_t weights = 0;
  for (const spec::LayerDescriptor& l : s.layers)
    for (const spec::MatrixDescriptor& d : l.matrix) weights += d.beats * columns;
  const auto group = static_cast<spec::Group>(m.embedding_group);
  const bool trits = group != spec::Group::kNone;
  return {{"context", m.context},
          {"weight_bytes_per_token", weights},
          {"head_bytes_per_token", m.head.beats * columns},
          {"embedding",
           trits ? fmt::format("trits, a scale for {} columns of a row", spec::group_columns(group))
                 : std::string("int16")},
          {"embedding_bytes", trits ? spec::embedding_bytes(m.vocab, m.hidden, group)
                                    : 2 * uint64_t{m.vocab} * m.hidden},
          {"kv_bytes_per_token_at_full_context",
           uint64_t{m.layers} * m.kv_heads * (m.key_cache_bytes + m.value_cache_bytes)},
          {"image_bytes_about", s.header.bytes},
          {"memory_bytes_about", s.memory_bytes()}};
}

/// Largest magnitude of `values` over the median of those that are not 0; 1 without any.
double spread(std::vector<float> values) {
  for (float& v : values) v = std::abs(v);
  std::erase(values, 0.f);
  if (values.empty()) return 1;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return static_cast<double>(std::ranges::max(values)) / static_cast<double>(*middle);
}

/// The largest magnitude of each row.
std::vector<float> row_maxima(const io::ModelFiles& files, std::string_view tensor) {
  const io::MatrixSize size = files.size(tensor);
  const uint64_t step = std::max<uint64_t>(1, (1 << 20) / size.cols);
  std::vector<float> maxima, values;
  for (uint64_t first = 0; first < size.rows; first += step) {
    values.resize(std::min(step, size.rows - first) * size.cols);
    files.rows(tensor, first, values);
    for (std::size_t at = 0; at < values.size(); at += size.cols) {
      float most = 0;
      for (std::size_t i = at; i < at + size.cols; ++i) most = std::max(most, std::abs(values[i]));
      maxima.push_back(most);
    }
  }
  return maxima;
}

}  // namespace

void describe_model_facts(const io::ModelConfig& c, DoctorReport& report) {
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

void describe_fit(const io::ModelConfig& config, const spec::ChipConfig& chip,
                  const Options& options, DoctorReport& report) {
  with_context(config, options.model.string(), io::formats_of(io::kTrits, std::nullopt), chip,
               options, report);
}

void describe_tokenizer(const io::Tokenizer& tokenizer, std::optional<int64_t> model_tokens,
                        DoctorReport& report) {
  const io::Vocabulary& v = tokenizer.vocabulary();
  const bool bytes = v.kind == io::TokenizerKind::kByteLevel;
  report.facts["tokenizer"] =
      bytes ? fmt::format("byte-level BPE ({})", v.pre) : std::string("SentencePiece BPE");
  const auto unused = std::count(v.types.begin(), v.types.end(), io::TokenType::kUnused);
  if (unused > 0) report.unusual.push_back(fmt::format("{} tokens are unused padding", unused));
  if (v.nfc) report.unusual.emplace_back("the tokenizer brings text into Unicode's form NFC");
  if (model_tokens && tokenizer.size() != *model_tokens)
    report.obstacles.push_back(
        fmt::format("the tokenizer has {} tokens, the model {}", tokenizer.size(), *model_tokens));
  if (v.chat_template.empty()) {
    report.facts["chat"] = "no template";
    return;
  }
  try {
    const io::ChatFormat format = io::ChatFormat::of_template(v.chat_template);
    format.ends(tokenizer);
    report.facts["chat"] = format.name();
  } catch (const Error& e) {
    report.facts["chat"] = "a template that is not known";
    report.unusual.push_back(
        fmt::format("run --chat needs --chat-format, all else does not: {}", e.what()));
  }
}

void describe_weights(const io::ModelFiles& files, const spec::ChipConfig& chip,
                      const Options& options, DoctorReport& report) {
  const std::vector<std::string> floats = count_weights(files, options.quiet, report);
  const io::ModelFormats formats =
      find_formats(files, chip, options.convert, floats.size(), report);
  const io::ModelConfig config =
      with_context(files.config(), files.file(), formats, chip, options, report);
  json& facts = report.facts["chip"];
  facts.update(describe_sizes(io::make_skeleton(config, chip, files.file(), formats)));
  facts["config"] = chip.name;
  facts["head"] = io::format_name(formats.head.value_or(io::kValues));
  if (!facts.contains("linear_layers")) return;
  for (json& parts : facts["linear_layers"])
    parts = fmt::format("{}", fmt::join(parts.get<std::vector<std::string>>(), ", "));
}

void describe_range(const io::ModelFiles& files, const spec::ChipConfig& chip,
                    DoctorReport& report) {
  std::string worst;
  double most = kWideRange;
  int norms = 0;
  for (const io::ExpectedTensor& tensor : io::expected_tensors(files.config())) {
    if (tensor.shape.size() != 1 || !tensor.name.ends_with("norm.weight") ||
        !files.has(tensor.name))
      continue;
    const double range = spread(files.floats(tensor.name));
    norms += range >= kWideRange;
    if (range < most) continue;
    most = range;
    worst = tensor.name;
  }
  if (norms > 0)
    report.unusual.push_back(fmt::format(
        "{} norms have an element that is over {:.0f} times their median ({}: {:.3g} times): an "
        "image keeps 15 bits below the largest of a norm, so the others lose most of theirs and "
        "the "
        "answers differ from the float model's; compare with tern eval",
        norms, kWideRange, worst, most));
  if (io::table_format(files, kEmbedding, chip)) return;
  if (const double range = spread(row_maxima(files, kEmbedding)); range >= kWideRange)
    report.unusual.push_back(fmt::format(
        "a row of the embedding is {:.3g} times as large as most: an image keeps 15 bits below the "
        "largest element of the table, so other rows lose most of theirs and the answers differ "
        "from "
        "the float model's; compare with tern eval",
        range));
}

void describe_image(const Options& options, DoctorReport& report) {
  const io::Image image = io::Image::open(options.model);
  const io::Skeleton model = io::skeleton_of(image);
  const spec::ModelDescriptor& m = model.model;
  const std::string named = options.config;
  std::string why;
  json runs_on = json::array();
  for (const spec::ChipConfig& chip : spec::kConfigs) {
    const std::string what = io::obstacle(model, chip);
    if (what.empty()) runs_on.push_back(chip.name);
    // Of configurations that it was not packed for, there is only that to say.
    const bool packed = image.columns() == chip.columns && m.key_block == chip.key_block;
    if (named.empty() ? packed && why.empty() : named == chip.name) why = what;
  }
  report.facts.update(
      {{"format", fmt::format(".tern image, version {}", image.header().version)},
       {"name", image.name()},
       {"layers", m.layers},
       {"hidden", m.hidden},
       {"heads", m.heads},
       {"kv_heads", m.kv_heads},
       {"head_dim", m.head_dim},
       {"ffn", m.ffn},
       {"vocab", m.vocab},
       {"context", m.context},
       {"beat_bytes", image.columns()},
       {"key_block", m.key_block},
       {"checksum", fmt::format("{:016x}", image.header().checksum)},
       {"chip", describe_sizes(model)},
       {"configurations",
        runs_on.empty()
            ? "none"
            : fmt::format("{}", fmt::join(runs_on.get<std::vector<std::string>>(), ", "))}});
  report.facts["chip"]["head"] =
      io::format_name({static_cast<spec::Layout>(m.head.layout), m.head.planes,
                       static_cast<spec::Group>(m.head.group)});
  describe_tokenizer(image.tokenizer(), m.vocab, report);
  if (!named.empty()) io::find_config(named);  // says which there are
  if (named.empty() ? runs_on.empty() : !why.empty())
    report.obstacles.push_back(why.empty() ? "packed for no configuration that there is" : why);
}

}  // namespace tern::cli
