// SPDX-License-Identifier: Apache-2.0
// Tells a story: story MODEL [BACKEND [PROMPT]]
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <tern/backends.hpp>
#include <tern/session.hpp>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: story MODEL [BACKEND [PROMPT]]\n";
    return 2;
  }
  try {
    tern::register_backends();
    tern::SessionOptions options;
    options.model.file = argv[1];
    if (argc > 2) options.backend = argv[2];
    options.model.notes = [](std::string_view note) { std::cerr << "note: " << note << "\n"; };
    const std::unique_ptr<tern::Session> session = tern::Session::open(options);

    tern::TextSettings settings;
    settings.tokens = 40;
    settings.random_state = 7;  // the seed
    settings.echo = true;       // the prompt first
    const std::string prompt = argc > 3 ? argv[3] : "Once upon a time";
    const tern::GeneratedText told = session->generate(
        prompt, settings, [](const tern::Piece& piece) { std::cout << piece.text << std::flush; });
    std::cout << "\n";
    std::cerr << told.tokens.size() << " tokens of " << session->model_name() << "\n";
    return EXIT_SUCCESS;
  } catch (const std::exception& e) {
    std::cerr << "story: " << e.what() << "\n";
    return EXIT_FAILURE;
  }
}
