// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf.hpp"
#include "io/grouped_trits.hpp"
#include "io/model_config.hpp"
#include "io/tensor_types.hpp"
#include "io/vocabulary.hpp"

namespace tern::io {

struct MatrixSize {
  std::uint64_t rows = 0;
  std::uint64_t cols = 0;
  std::uint64_t elements() const { return rows * cols; }
};

/// A model as it lies on disk, whatever the format: its configuration, its tokenizer, and its
/// tensors by the names that GGUF files use ("blk.0.attn_q.weight"), of the shapes that the
/// configuration asks for. Tensors are read from a mapped file a part at a time, and the pages let
/// go. All errors are Error and name the file.
class ModelFiles {
 public:
  virtual ~ModelFiles() = default;

  virtual const std::string& file() const = 0;  ///< for messages
  virtual const ModelConfig& config() const = 0;
  virtual Vocabulary vocabulary() const = 0;
  /// What the user should know of how the files were read, a line each: what they leave open, and
  /// what was taken.
  virtual std::vector<std::string> notes() const { return {}; }

  virtual bool has(std::string_view tensor) const = 0;
  /// A vector is one row.
  virtual MatrixSize size(std::string_view tensor) const = 0;
  /// The rows from `first` on that fill `out`, a multiple of the tensor's columns. Throws Error on
  /// values that are not finite.
  virtual void rows(std::string_view tensor, std::uint64_t first, std::span<float> out) const = 0;
  /// Can ternary() read it? Otherwise its weights are floats, or trits with several scales.
  virtual bool has_one_scale(std::string_view tensor) const = 0;
  /// The trits and the scale. Throws Error if there is more than one scale or a code is no trit.
  virtual TernaryMatrix ternary(std::string_view tensor) const = 0;

  /// How its weights are made of trits; nothing if they are floats of more than one magnitude in a
  /// row. Reads the whole tensor, unless it ends earlier.
  virtual std::optional<TernaryFormat> ternary_format(std::string_view tensor) const;
  /// Rows [first, first + rows) of a tensor that has a format, with groups of 64 or 128 columns
  /// that are no wider than the format's.
  virtual GroupedTrits grouped_trits(std::string_view tensor, std::uint64_t first,
                                     std::uint64_t rows, std::uint32_t group) const;

  /// The whole tensor, row by row.
  std::vector<float> floats(std::string_view tensor) const {
    std::vector<float> values(size(tensor).elements());
    rows(tensor, 0, values);
    return values;
  }
};

/// The view of a GGUF file, which must outlive it. Checks the file as read_model_config() does.
std::unique_ptr<ModelFiles> model_files(const Gguf& gguf);

/// A GGUF file, or a Hugging Face folder: config.json, model.safetensors or its shards with
/// model.safetensors.index.json, and tokenizer.json or tokenizer.model. Throws Error on anything
/// else, on missing files, and on tensors that are missing, of another shape, or unknown.
std::unique_ptr<ModelFiles> open_model(const std::filesystem::path& path,
                                       const GgufOptions& options = {});

}  // namespace tern::io
