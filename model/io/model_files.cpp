#include "io/model_files.hpp"

#include <optional>

#include "io/error.hpp"
#include "io/hf_folder.hpp"

namespace tern::io {

namespace {

class GgufFiles final : public ModelFiles {
 public:
  explicit GgufFiles(const Gguf& gguf) : gguf_(gguf), config_(read_model_config(gguf)) {}

  const std::string& file() const override { return gguf_.file(); }
  const ModelConfig& config() const override { return config_; }
  Vocabulary vocabulary() const override { return read_gguf_vocabulary(gguf_); }

  bool has(std::string_view name) const override { return gguf_.find_tensor(name) != nullptr; }

  MatrixSize size(std::string_view name) const override {
    const GgufTensor& tensor = gguf_.tensor(name);
    return {tensor.rows(), tensor.cols()};
  }

  void rows(std::string_view name, std::uint64_t first, std::span<float> out) const override {
    const GgufTensor& tensor = gguf_.tensor(name);
    decode_floats(tensor, first * tensor.cols(), out);
    const std::uint64_t row_bytes = tensor.bytes.size() / tensor.rows();
    gguf_.release(tensor.bytes.subspan(first * row_bytes, out.size() / tensor.cols() * row_bytes));
  }

  bool has_one_scale(std::string_view name) const override {
    return io::has_one_scale(gguf_.tensor(name));
  }

  TernaryMatrix ternary(std::string_view name) const override {
    const GgufTensor& tensor = gguf_.tensor(name);
    TernaryMatrix matrix = decode_ternary(tensor);
    gguf_.release(tensor.bytes);
    return matrix;
  }

 private:
  const Gguf& gguf_;
  ModelConfig config_;
};

/// A file and its view.
class OwnedGguf final : public ModelFiles {
 public:
  OwnedGguf(const std::filesystem::path& path, const GgufOptions& options)
      : gguf_(path, options), files_(gguf_) {}

  const std::string& file() const override { return files_.file(); }
  const ModelConfig& config() const override { return files_.config(); }
  Vocabulary vocabulary() const override { return files_.vocabulary(); }
  bool has(std::string_view name) const override { return files_.has(name); }
  MatrixSize size(std::string_view name) const override { return files_.size(name); }
  void rows(std::string_view name, std::uint64_t first, std::span<float> out) const override {
    files_.rows(name, first, out);
  }
  bool has_one_scale(std::string_view name) const override { return files_.has_one_scale(name); }
  TernaryMatrix ternary(std::string_view name) const override { return files_.ternary(name); }

 private:
  Gguf gguf_;
  GgufFiles files_;
};

}  // namespace

std::unique_ptr<ModelFiles> model_files(const Gguf& gguf) {
  return std::make_unique<GgufFiles>(gguf);
}

std::unique_ptr<ModelFiles> open_model(const std::filesystem::path& path,
                                       const GgufOptions& options) {
  if (std::filesystem::is_directory(path)) return open_hf_folder(path);
  return std::make_unique<OwnedGguf>(path, options);
}

}  // namespace tern::io
