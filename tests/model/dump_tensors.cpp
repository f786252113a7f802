// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <exception>

#include "io/gguf.hpp"
#include "io/tensor_types.hpp"

/// dump_tensors FILE: every tensor of a GGUF file in its order, as float32, to stdout.
int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    const tern::io::Gguf gguf{std::filesystem::path(argv[1])};
    for (const tern::io::GgufTensor& tensor : gguf.tensors()) {
      const std::vector<float> values = tern::io::decode_floats(tensor);
      std::fwrite(values.data(), sizeof(float), values.size(), stdout);
    }
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "dump_tensors: {}\n", e.what());
    return 1;
  }
}
