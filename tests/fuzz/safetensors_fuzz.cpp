// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "io/error.hpp"
#include "io/safetensors.hpp"
#include "target.hpp"

/// A safetensors file: its header, and the first and last element of every tensor of floats.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tern;
  const fuzz::TimeBound time;
  const fuzz::InputFile file({data, size});
  const fuzz::AllocationBound bound(size);
  try {
    const io::Safetensors tensors(file.path());
    for (const auto& [name, tensor] : tensors.tensors()) {
      if (io::dtype_size(tensor.dtype) < 2) continue;
      std::array<float, 1> value{};
      io::read_floats(tensor, 0, value);
      io::read_floats(tensor, tensor.elements() - 1, value);
    }
  } catch (const Error& e) {
    fuzz::check_message(e.what());
  }
  return 0;
}
