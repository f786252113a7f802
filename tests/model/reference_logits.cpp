// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <exception>
#include <string_view>

#include "reference/reference.hpp"

/// reference_logits MODEL TOKEN...: the logits after each token, float32, to stdout.
int main(int argc, char** argv) {
  if (argc < 3) return 2;
  try {
    tern::reference::Model model(*tern::io::open_model(argv[1]));
    for (int i = 2; i < argc; ++i) {
      const std::string_view text(argv[i]);
      int token = 0;
      if (std::from_chars(text.data(), text.data() + text.size(), token).ec != std::errc())
        return 2;
      const auto logits = model.forward(token);
      std::fwrite(logits.data(), sizeof(float), logits.size(), stdout);
    }
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "reference_logits: {}\n", e.what());
    return 1;
  }
}
