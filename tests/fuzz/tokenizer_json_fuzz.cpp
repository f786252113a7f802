// SPDX-License-Identifier: Apache-2.0
#include "io/error.hpp"
#include "io/tokenizer.hpp"
#include "target.hpp"

/// A tokenizer.json, and the tokenizer that it describes on a text.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tern;
  const fuzz::TimeBound time;
  const fuzz::InputFile file({data, size});
  const fuzz::AllocationBound bound(size);
  try {
    const io::Tokenizer tokenizer(io::read_tokenizer_json(file.path()));
    tokenizer.decode(tokenizer.encode("the tin hen <s>\n \xF0\x9F\x98\x80\xFF 12345", true,
                                      io::ControlTokens::kAreFound));
  } catch (const Error& e) {
    fuzz::check_message(e.what());
  }
  return 0;
}
