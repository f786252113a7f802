#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "io/image_writer.hpp"
#include "io/model_config.hpp"

namespace tern::io {

/// The shape of a model, for an image of random weights.
struct SynthPreset {
  std::string_view name;
  std::string_view what;  ///< For the list of presets.
  int hidden;
  int layers;
  int heads;
  int kv_heads;
  int head_dim;
  int ffn;
  int vocab;
  int context;
  float rope_theta;
  float rms_eps;
  int bos;
  int eos;
};

inline constexpr SynthPreset kSynthPresets[] = {
    // The demo model of this project, model/demo/MODEL_CARD.md.
    {"demo", "the demo model", 256, 5, 4, 2, 64, 512, 1024, 512, 1e4f, 1e-5f, 1, 2},
    // 1bitLLM/bitnet_b1_58-large (reproduction of arXiv 2402.17764): the configuration of its
    // checkpoint, of which Tern cannot run the SiLU gate; here it is squared ReLU.
    {"bitnet-0.7b", "1bitLLM bitnet_b1_58-large, with squared ReLU in place of SiLU", 1536, 24, 16,
     16, 96, 4096, 32002, 2048, 1e4f, 1e-5f, 1, 2},
    // microsoft/bitnet-b1.58-2B-4T (arXiv 2504.12285): the configuration of its checkpoint.
    {"bitnet-2b4t", "BitNet b1.58 2B-4T", 2560, 30, 20, 5, 128, 6912, 128256, 4096, 5e5f, 1e-5f,
     128000, 128001},
};

/// The named preset. Throws Error that lists the known ones.
const SynthPreset& find_preset(std::string_view name);

struct SynthOptions {
  uint64_t seed = 1;
  double zeros = 1.0 / 3;  ///< Probability of a zero weight; the signs share the rest evenly.
  int layers = 0;          ///< The first so many layers of the preset; 0: all.
  int context = 0;         ///< Positions; 0: the preset's.
};

/// The configuration of a preset's model. Throws Error on options out of range.
ModelConfig config_of(const SynthPreset& preset, const SynthOptions& options);

/// Writes an image of random weights: exact in shape and size, without meaning as a language model.
/// The same preset and options give the same model for every chip, to the bit; fewer layers or
/// another context leave the weights that remain as they were. All draws are independent.
///
/// * Linear layers: trits by `zeros`, scaled so that inputs of variance 1 give outputs of variance
///   1; outputs into the residual stream are smaller by sqrt(2 * layers of the preset), so that the
///   stream stays near 1.
/// * Head: values of the value layout normal with deviation 30, row scales uniform in a factor of
///   two; logits have a deviation of about 2.
/// * Embedding: normal with deviation 0.06, and not tied to the head: a random model with tied
///   embeddings repeats its last token for ever, whatever its layers compute.
/// * Gains of the norms: uniform in [0.75, 1.25).
/// * Tokenizer: SentencePiece with the 256 bytes and distinct pieces of letters.
///
/// Finishes `writer`. `progress` is called with the bytes written and all bytes. Throws Error when
/// the chip cannot hold the model, or on options out of range.
void synthesise(const SynthPreset& preset, const SynthOptions& options, ImageWriter& writer,
                const std::function<void(uint64_t done, uint64_t all)>& progress = {});

}  // namespace tern::io
