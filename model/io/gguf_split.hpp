// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/gguf.hpp"
#include "io/gguf_parser.hpp"

namespace tern::io {

/// Opens a Gguf with all parts of its model. Internal to gguf.cpp.
///
/// A part says its number from 0 in `split.no`, the first also how many parts and tensors there are
/// in `split.count` and `split.tensors.count`; and its file name ends in its number from 1 and the
/// count, "-00001-of-00003.gguf".
class SplitGguf {
 public:
  explicit SplitGguf(Gguf& gguf) : gguf_(gguf) {}

  /// From the file of a model, or of any part of it.
  void open(const std::filesystem::path& path);
  /// From bytes that the Gguf already has; a part of a split model is an error.
  void read_whole();

 private:
  void restart(const std::filesystem::path& path);
  void check_number(const Gguf& part, std::uint64_t number, std::uint64_t count) const;
  void merge();

  Gguf& gguf_;
  std::vector<GgufParser> parsers_;  ///< of every part
};

}  // namespace tern::io
