// SPDX-License-Identifier: Apache-2.0
#include "io/hf_folder.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "io/error.hpp"
#include "io/file_status.hpp"
#include "io/hf_config.hpp"
#include "io/json_values.hpp"
#include "io/mapped_file.hpp"
#include "io/safetensors.hpp"
#include "spec/generated/layer.hpp"

namespace tern::io {

namespace fs = std::filesystem;

namespace {

/// GGUF's name to the folder's, for a whole model.
std::map<std::string, std::string, std::less<>> names_of(const ModelConfig& config) {
  std::map<std::string, std::string, std::less<>> names = {
      {"token_embd.weight", "model.embed_tokens.weight"},
      {"output_norm.weight", "model.norm.weight"},
      {"output.weight", "lm_head.weight"}};
  for (int layer = 0; layer < config.layers; ++layer) {
    const auto add = [&](const auto& info) {
      names[layer_tensor(layer, info.gguf)] = fmt::format(
          "model.layers.{}.{}.weight", layer, config.arch == "bitnet" ? info.hf_bitnet : info.hf);
    };
    std::ranges::for_each(spec::kNorms, add);
    std::ranges::for_each(spec::kParts, add);
  }
  return names;
}

class HfFolder final : public ModelFiles {
 public:
  explicit HfFolder(const fs::path& folder);

  const std::string& file() const override { return name_; }
  const ModelConfig& config() const override { return config_.model; }
  Vocabulary vocabulary() const override;
  bool has(std::string_view name) const override { return tensors_.contains(name); }
  MatrixSize size(std::string_view name) const override;
  void rows(std::string_view name, std::uint64_t first, std::span<float> out) const override;
  bool has_one_scale(std::string_view name) const override {
    return config_.weights != HfWeights::kFloat && find(name).linear;
  }
  TernaryMatrix ternary(std::string_view name) const override;

 private:
  struct Entry {
    std::string folder_name;
    const SafeTensor* tensor;
    MatrixSize size;
    bool matrix;
    bool linear;  ///< a matrix of a layer
  };
  const Entry& find(std::string_view name) const;
  void open_shards();
  void bind_tensors();
  void check_shape(const Entry& entry) const;
  bool packed() const {
    return config_.weights == HfWeights::kPackedMultiply ||
           config_.weights == HfWeights::kPackedDivide;
  }
  TernaryMatrix unpack(const Entry& entry) const;
  TernaryMatrix ternarise(std::string_view name, const Entry& entry) const;
  template <typename Use>
  void for_rows(std::string_view name, const Use& use) const;

  fs::path folder_;
  std::string name_;
  HfConfig config_;
  std::vector<Safetensors> shards_;
  std::map<std::string_view, const SafeTensor*> stored_;  ///< by the folder's names
  std::map<std::string, Entry, std::less<>> tensors_;     ///< by GGUF's names
};

/// Says what to give in place of a folder that has no config.json.
void check_is_model(const fs::path& folder) {
  if (path_exists(folder / "config.json")) return;
  std::set<std::string> gguf, weights;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const fs::path name = entry.path().filename();
    if (name.extension() == ".gguf") gguf.insert(name.string());
    if (name.extension() == ".safetensors") weights.insert(name.string());
  }
  if (!gguf.empty())
    throw Error("{}: has no config.json; give the GGUF file in it, {}", folder.string(),
                quote(*gguf.begin()));
  if (!weights.empty())
    throw Error(
        "{}: has no config.json beside {}; give the whole folder of the model, with config.json "
        "and tokenizer.json or tokenizer.model",
        folder.string(), quote(*weights.begin()));
  throw Error("{}: no model: it has neither config.json nor a GGUF file", folder.string());
}

HfFolder::HfFolder(const fs::path& folder)
    : folder_(folder), name_(folder.string()), config_(read_hf_config(folder)) {
  config_.model.name = fs::weakly_canonical(folder).filename().string();
  open_shards();
  bind_tensors();
}

void HfFolder::open_shards() {
  const fs::path index = folder_ / "model.safetensors.index.json";
  std::set<std::string> files;
  if (path_exists(index)) {
    const MappedFile file(index);
    const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()),
                                file.bytes().size());
    try {
      const auto json = parse_json(text, index.string());
      for (const auto& [tensor, shard] : json.at("weight_map").items()) files.insert(shard);
    } catch (const nlohmann::json::exception& e) {
      throw Error("{}: cannot be read: {}", index.string(), json_problem(e));
    }
  } else {
    files.insert("model.safetensors");
  }
  for (const std::string& file : files) {
    if (fs::path(file).has_parent_path() || fs::path(file).is_absolute()) {
      throw Error("{}: shard {} is outside of the folder", index.string(), quote(file));
    }
    shards_.emplace_back(folder_ / file);
  }
  for (const Safetensors& shard : shards_) {
    for (const auto& [name, tensor] : shard.tensors()) {
      if (!stored_.emplace(name, &tensor).second)
        throw Error("{}: tensor {} is in more than one shard", shard.file(), quote(name));
    }
  }
}

void HfFolder::bind_tensors() {
  ModelConfig& model = config_.model;
  std::set<std::string_view> known;
  // Some files repeat the embedding as the head of a tied model, and old ones hold rope's rates.
  if (model.tied) known.insert("lm_head.weight");
  const auto names = names_of(model);
  for (const ExpectedTensor& want : expected_tensors(model)) {
    if (want.optional) continue;
    const std::string& folder_name = names.at(want.name);
    const auto found = stored_.find(folder_name);
    if (found == stored_.end())
      throw Error("{}: tensor {} is missing{}", name_, quote(folder_name),
                  want.name == "output.weight" ? ", and config.json does not say that "
                                                 "tie_word_embeddings is true"
                                               : "");
    const bool matrix = want.shape.size() == 2;
    const bool linear = matrix && want.name.starts_with("blk.");
    const MatrixSize size{matrix ? want.shape[1] : 1, want.shape[0]};
    const Entry entry{folder_name, found->second, size, matrix, linear};
    check_shape(entry);
    known.insert(found->first);
    if (const auto scale = stored_.find(folder_name + "_scale"); linear && scale != stored_.end())
      known.insert(scale->first);
    tensors_.emplace(want.name, entry);
  }
  for (const auto& [name, tensor] : stored_) {
    if (!known.contains(name) && !name.ends_with("rotary_emb.inv_freq"))
      throw Error("{}: tensor {} does not belong to a {} model of {} layers", name_, quote(name),
                  model.arch, model.layers);
  }
}

void HfFolder::check_shape(const Entry& entry) const {
  const bool two_bits = entry.linear && packed();
  const std::uint64_t rows = two_bits ? (entry.size.rows + 3) / 4 : entry.size.rows;
  std::vector<std::uint64_t> want = {entry.size.cols};
  if (entry.matrix) want.insert(want.begin(), rows);
  const std::string& dtype = entry.tensor->dtype;
  if (two_bits ? dtype != "U8" : dtype != "F32" && dtype != "F16" && dtype != "BF16") {
    throw Error("{}: tensor {} is stored as {}, {} expected", name_, quote(entry.folder_name),
                quote(dtype), two_bits ? "packed U8 is" : "BF16, F16 or F32 are");
  }
  if (entry.tensor->shape != want) {
    throw Error("{}: tensor {} has shape {}, the configuration asks for {}", name_,
                quote(entry.folder_name), shape_text(entry.tensor->shape), shape_text(want));
  }
}

const HfFolder::Entry& HfFolder::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw Error("{}: there is no tensor {}", name_, quote(name));
  return found->second;
}

MatrixSize HfFolder::size(std::string_view name) const { return find(name).size; }

void HfFolder::rows(std::string_view name, std::uint64_t first, std::span<float> out) const {
  const Entry& entry = find(name);
  if (entry.tensor->dtype == "U8") {
    throw Error("{}: tensor {} is packed, floats are expected", name_, quote(entry.folder_name));
  }
  const std::uint64_t begin = first * entry.size.cols;
  read_floats(*entry.tensor, begin, out);
  const auto bad =
      std::find_if_not(out.begin(), out.end(), [](float x) { return std::isfinite(x); });
  if (bad != out.end()) {
    const std::uint64_t at = begin + static_cast<std::uint64_t>(bad - out.begin());
    throw Error("{}: tensor {} is not finite at row {} column {}; the file is corrupt", name_,
                quote(entry.folder_name), at / entry.size.cols, at % entry.size.cols);
  }
  const std::size_t size = dtype_size(entry.tensor->dtype);
  release_pages(entry.tensor->bytes.subspan(begin * size, out.size() * size));
}

/// use(first row, values) for the whole tensor, about a million elements at a time.
template <typename Use>
void HfFolder::for_rows(std::string_view name, const Use& use) const {
  const MatrixSize size = find(name).size;
  const std::uint64_t step = std::max<std::uint64_t>(1, (1 << 20) / size.cols);
  std::vector<float> values;
  for (std::uint64_t first = 0; first < size.rows; first += step) {
    values.resize(std::min(step, size.rows - first) * size.cols);
    rows(name, first, values);
    use(first, values);
  }
}

TernaryMatrix HfFolder::unpack(const Entry& entry) const {
  const auto scale = stored_.find(entry.folder_name + "_scale");
  if (scale == stored_.end() || scale->second->elements() != 1 ||
      dtype_size(scale->second->dtype) < 2) {
    throw Error("{}: tensor {} needs a weight_scale of one float", name_, quote(entry.folder_name));
  }
  float value = 0;
  read_floats(*scale->second, 0, {&value, 1});
  const float result = config_.weights == HfWeights::kPackedDivide ? 1.0f / value : value;
  if (!(result > 0) || !std::isfinite(result)) {
    throw Error("{}: the weight_scale of {} is {}, a positive number is expected", name_,
                quote(entry.folder_name), value);
  }
  const auto [rows, cols] = entry.size;
  const std::uint64_t stride = (rows + 3) / 4;
  TernaryMatrix matrix{rows, cols, std::vector<std::int8_t>(rows * cols), result};
  for (std::uint64_t row = 0; row < rows; ++row) {
    const std::byte* bytes = entry.tensor->bytes.data() + row % stride * cols;
    const int shift = 2 * static_cast<int>(row / stride);
    for (std::uint64_t c = 0; c < cols; ++c) {
      const int code = (static_cast<int>(bytes[c]) >> shift) & 3;
      if (code == 3) {
        throw Error("{}: tensor {}: the code at row {} column {} is 3, which is not a trit", name_,
                    quote(entry.folder_name), row, c);
      }
      matrix.trits[row * cols + c] = static_cast<std::int8_t>(code - 1);
    }
  }
  release_pages(entry.tensor->bytes);
  return matrix;
}

TernaryMatrix HfFolder::ternarise(std::string_view name, const Entry& entry) const {
  double sum = 0;
  for_rows(name, [&](std::uint64_t, std::span<const float> values) {
    for (const float value : values) sum += std::abs(static_cast<double>(value));
  });
  const std::uint64_t rows = entry.size.rows, cols = entry.size.cols;
  const float mean = static_cast<float>(sum / static_cast<double>(rows * cols));
  const float inverse = 1.0f / std::max(mean, 1e-5f);
  TernaryMatrix matrix{rows, cols, std::vector<std::int8_t>(rows * cols), 1.0f / inverse};
  for_rows(name, [&](std::uint64_t first, std::span<const float> values) {
    std::transform(
        values.begin(), values.end(), matrix.trits.begin() + first * cols, [&](float value) {
          return static_cast<std::int8_t>(std::clamp(std::nearbyint(value * inverse), -1.0f, 1.0f));
        });
  });
  return matrix;
}

TernaryMatrix HfFolder::ternary(std::string_view name) const {
  const Entry& entry = find(name);
  if (!has_one_scale(name)) {
    throw Error(
        "{}: tensor {} has float weights, and config.json does not say that they are made "
        "ternary",
        name_, quote(entry.folder_name));
  }
  return packed() ? unpack(entry) : ternarise(name, entry);
}

Vocabulary HfFolder::vocabulary() const {
  const fs::path json = folder_ / "tokenizer.json", model = folder_ / "tokenizer.model";
  if (!path_exists(json) && !path_exists(model)) {
    throw Error("{}: there is neither tokenizer.json nor tokenizer.model", name_);
  }
  Vocabulary v = path_exists(json) ? read_tokenizer_json(json) : read_sentencepiece_model(model);
  if (!path_exists(json)) read_added_tokens(folder_, v);
  // Embeddings are often padded beyond the tokens that there are.
  const auto vocab = static_cast<std::size_t>(config_.model.vocab);
  for (std::size_t id = v.pieces.size(); id < vocab; ++id) {
    v.pieces.push_back(fmt::format("[unused {}]", id));
    v.types.push_back(TokenType::kUnused);
    if (v.kind == TokenizerKind::kSentencePiece) v.scores.push_back(0);
  }
  if (v.bos < 0) v.bos = config_.model.bos;
  if (v.eos < 0) v.eos = config_.model.eos;
  v.ends.insert(v.ends.end(), config_.ends.begin(), config_.ends.end());
  v.chat_template = read_hf_chat_template(folder_);
  return v;
}

}  // namespace

std::unique_ptr<ModelFiles> open_hf_folder(const fs::path& folder) {
  check_is_model(folder);
  return std::make_unique<HfFolder>(folder);
}

}  // namespace tern::io
