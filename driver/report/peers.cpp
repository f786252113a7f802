// SPDX-License-Identifier: Apache-2.0
#include "peers.hpp"

namespace tern::report {

std::span<const Peer> peers() {
  static constexpr Peer kPeers[] = {
      {"bitnet-kv260", "BitNet 2B-4T on a KV260, norms on the CPU cores", 19.2, 18.5, 47, "derived",
       0.368, true, "its README, measured at the board; share: 483 MB a token at 19.2 GB/s"},
      {"TeLLMe v2", "0.73B on a KV260, table lookup", 19.2, 25, 19, "derived", 0.2, false,
       "the paper: 25 tokens/s at 5 W; share from its model's bytes"},
      {"llama-fpga",
       "LLaMA2-7B in 4 bits on a KV260",
       19.2,
       5,
       85,
       "published",
       {},
       false,
       "its README"},
      {"TerEffic",
       "2.7B without matrix products, HBM",
       {},
       727,
       85,
       "derived",
       0.063,
       false,
       "the paper: 727 tokens/s at 46 W"},
      {"Slim-Llama",
       "3B on a 28 nm ASIC",
       1.6,
       2.04,
       {},
       "published",
       0.04,
       false,
       "ISSCC 2025: 489 ms a token, 82 mW without the DRAM"},
      {"VitaLLM",
       "BitNet 3B on 0.22 mm2 of 16 nm",
       {},
       72,
       {},
       "published",
       0.0009,
       false,
       "the papers: 66 mW, the core alone, without the DRAM"},
  };
  return kPeers;
}

}  // namespace tern::report
