// SPDX-License-Identifier: Apache-2.0
#include "io/chat_format.hpp"
#include "io/error.hpp"
#include "io/gguf.hpp"
#include "io/model_config.hpp"
#include "io/tensor_types.hpp"
#include "io/tokenizer.hpp"
#include "target.hpp"

/// A GGUF file: the table, the configuration, the tokenizer with a text, the chat template, and
/// every tensor. Decoded weights are wider than stored ones and are not bounded by the file.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tern;
  const fuzz::TimeBound time;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const auto tries = [](auto action) {
    try {
      action();
    } catch (const Error& e) {
      fuzz::check_message(e.what());
    }
  };
  tries([&] {
    const fuzz::AllocationBound bound(size);
    const io::Gguf gguf({bytes, bytes + size}, "input.gguf", {io::TensorLayout::kX86});
    tries([&] { io::read_model_config(gguf); });
    tries([&] {
      const io::Tokenizer tokenizer(gguf);
      tokenizer.decode(tokenizer.encode("the tin hen <s> \xF0\x9F\x98\x80\xFF 12345", true,
                                        io::ControlTokens::kAreFound));
      io::ChatFormat::of_template(tokenizer.vocabulary().chat_template);
    });
  });
  tries([&] {
    const io::Gguf gguf({bytes, bytes + size}, "input.gguf", {io::TensorLayout::kX86});
    for (const io::GgufTensor& tensor : gguf.tensors()) {
      if (tensor.elements() > 1 << 18) continue;
      tries([&] {
        io::is_ternary(tensor) ? void(io::decode_ternary(tensor)) : void(io::decode_floats(tensor));
      });
    }
  });
  return 0;
}
