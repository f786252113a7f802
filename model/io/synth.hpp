// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "io/image_parts.hpp"
#include "io/image_writer.hpp"
#include "io/model_config.hpp"
#include "io/skeleton.hpp"

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
  Activation activation = Activation::kSquaredRelu;
  bool sub_norms = true;
  bool qk_norms = false;
  MatrixFormat weights = kTrits;       ///< Of the linear layers.
  std::optional<MatrixFormat> tables;  ///< Of embedding and head; without, int16 and values.
};

/// Bits and trits with a scale for 128 columns of a row, as the Bonsai models have them everywhere.
inline constexpr MatrixFormat kGroupedSigns{spec::Layout::kSign, 1, spec::Group::kColumns128};
inline constexpr MatrixFormat kGroupedTrits{spec::Layout::kPlane, 1, spec::Group::kColumns128};

inline constexpr SynthPreset kSynthPresets[] = {
    // The demo model of this project, model/demo/MODEL_CARD.md.
    {"demo", "the demo model", 256, 5, 4, 2, 64, 512, 1024, 512, 1e4f, 1e-5f, 1, 2},
    // The token's computation of the other families, in sizes for tests.
    {"tiny-bitnet", "the computation of 1bitLLM, heads of 100", 200, 3, 2, 2, 100, 304, 320, 256,
     1e4f, 1e-5f, 1, 2, Activation::kSilu},
    {"tiny-llama", "the computation of Llama, heads of 256", 192, 3, 3, 1, 256, 400, 320, 256, 5e5f,
     1e-5f, 1, 2, Activation::kSilu, false},
    {"tiny-qwen3", "the computation of Qwen3", 160, 3, 4, 2, 64, 288, 320, 256, 1e6f, 1e-6f, 1, 2,
     Activation::kSilu, false, true},
    {"tiny-signs", "the computation of Bonsai 1-bit", 160, 3, 4, 2, 64, 288, 320, 256, 1e6f, 1e-6f,
     1, 2, Activation::kSilu, false, true, kGroupedSigns, kGroupedSigns},
    {"tiny-groups",
     "two planes with scales of 64 columns",
     192,
     3,
     3,
     1,
     256,
     400,
     323,
     256,
     5e5f,
     1e-5f,
     1,
     2,
     Activation::kSilu,
     false,
     false,
     {spec::Layout::kPlane, 2, spec::Group::kColumns64},
     MatrixFormat{spec::Layout::kPlane, 1, spec::Group::kColumns64}},
    // 1bitLLM/bitnet_b1_58-large and -3B (reproductions of arXiv 2402.17764): the configurations of
    // their checkpoints.
    {"bitnet-0.7b", "1bitLLM bitnet_b1_58-large", 1536, 24, 16, 16, 96, 4096, 32002, 2048, 1e4f,
     1e-5f, 1, 2, Activation::kSilu},
    {"bitnet-3b", "1bitLLM bitnet_b1_58-3B", 3200, 26, 32, 32, 100, 8640, 32002, 2048, 1e4f, 1e-5f,
     1, 2, Activation::kSilu},
    // microsoft/bitnet-b1.58-2B-4T (arXiv 2504.12285): the configuration of its checkpoint.
    {"bitnet-2b4t", "BitNet b1.58 2B-4T", 2560, 30, 20, 5, 128, 6912, 128256, 4096, 5e5f, 1e-5f,
     128000, 128001},
    // HF1BitLLM/Llama3-8B-1.58-100B-tokens.
    {"llama3-8b", "Llama3-8B-1.58", 4096, 32, 32, 8, 128, 14336, 128256, 8192, 5e5f, 1e-5f, 128000,
     128001, Activation::kSilu, false},
    // tiiuae/Falcon3-*-1.58bit.
    {"falcon3-1b", "Falcon3-1B-1.58bit", 2048, 18, 8, 4, 256, 8192, 131072, 8192, 1000042.f, 1e-6f,
     11, 12, Activation::kSilu, false},
    {"falcon3-3b", "Falcon3-3B-1.58bit", 3072, 22, 12, 4, 256, 9216, 131072, 32768, 1000042.f,
     1e-6f, 11, 12, Activation::kSilu, false},
    {"falcon3-7b", "Falcon3-7B-1.58bit", 3072, 28, 12, 4, 256, 23040, 131072, 32768, 1000042.f,
     1e-6f, 11, 12, Activation::kSilu, false},
    {"falcon3-10b", "Falcon3-10B-1.58bit", 3072, 40, 12, 4, 256, 23040, 131072, 32768, 1000042.f,
     1e-6f, 11, 12, Activation::kSilu, false},
    // SpectraSuite/TriLM_3.9B_Unpacked (arXiv 2407.12327), whose matrices have several scales.
    {"trilm-3.9b", "TriLM 3.9B", 3072, 30, 24, 24, 128, 9216, 50688, 2048, 1e4f, 1e-5f, 0, 0,
     Activation::kSilu, false, false, kGroupedTrits},
    // Qwen/Qwen3-1.7B and -8B, of which the Bonsai models have the shape; with one scale a matrix.
    {"qwen3-1.7b", "Qwen3-1.7B", 2048, 28, 16, 8, 128, 6144, 151936, 40960, 1e6f, 1e-6f, 151643,
     151645, Activation::kSilu, false, true},
    {"qwen3-8b", "Qwen3-8B", 4096, 36, 32, 8, 128, 12288, 151936, 40960, 1e6f, 1e-6f, 151643,
     151645, Activation::kSilu, false, true},
    // PrismML's Bonsai models, in the shapes of Qwen3.
    {"bonsai-8b", "Bonsai 8B, 1-bit", 4096, 36, 32, 8, 128, 12288, 151936, 40960, 1e6f, 1e-6f,
     151643, 151645, Activation::kSilu, false, true, kGroupedSigns, kGroupedSigns},
    {"ternary-bonsai-1.7b", "Ternary Bonsai 1.7B", 2048, 28, 16, 8, 128, 6144, 151936, 40960, 1e6f,
     1e-6f, 151643, 151645, Activation::kSilu, false, true, kGroupedTrits, kGroupedTrits},
    {"ternary-bonsai-4b", "Ternary Bonsai 4B", 2560, 36, 32, 8, 128, 9728, 151936, 40960, 1e6f,
     1e-6f, 151643, 151645, Activation::kSilu, false, true, kGroupedTrits, kGroupedTrits},
    {"ternary-bonsai-8b", "Ternary Bonsai 8B", 4096, 36, 32, 8, 128, 12288, 151936, 40960, 1e6f,
     1e-6f, 151643, 151645, Activation::kSilu, false, true, kGroupedTrits, kGroupedTrits},
};

/// The named preset. Throws Error that lists the known ones.
const SynthPreset& find_preset(std::string_view name);

struct SynthOptions {
  uint64_t seed = 1;
  double zeros = 1.0 / 3;  ///< Probability of a zero weight; the signs share the rest evenly.
  int layers = 0;          ///< The first so many layers of the preset; 0: all.
  int context = 0;         ///< Positions; 0: the preset's, or fewer as choose_context() says.
  bool for_chip = true;    ///< Whether a model that the chip cannot run is refused.
};

/// The configuration of a preset's model, with its own context where `options` has none. Throws
/// Error on options out of range.
ModelConfig config_of(const SynthPreset& preset, const SynthOptions& options);
/// The same with a context with which `chip` runs it, as choose_context() says; `context_flag`:
/// what sets it, for messages.
ModelConfig config_for(const SynthPreset& preset, const SynthOptions& options,
                       const spec::ChipConfig& chip, std::string_view context_flag = "--context");

/// What a chip's firmware reads of the preset's image, in the preset's formats and with a context
/// as config_for() has it.
Skeleton skeleton_for(const SynthPreset& preset, const SynthOptions& options,
                      const spec::ChipConfig& chip, std::string_view context_flag = "--context");

/// Writes an image of random weights: exact in shape and size, without meaning as a language model.
/// The same preset and options give the same model for every chip, to the bit; fewer layers or
/// another context leave the weights that remain as they were. All draws are independent.
///
/// * Linear layers: trits by `zeros`, scaled so that inputs of variance 1 give outputs of variance
///   1; outputs into the residual stream are smaller by sqrt(2 * layers of the preset), so that the
///   stream stays near 1.
///   Group scales are uniform in a factor of two; signs are even.
/// * Head: values of the value layout normal with deviation 30, row scales uniform in a factor of
///   two; logits have a deviation of about 2.
///   A head of trits or signs likewise, by its group scales.
/// * Embedding: normal with deviation 0.06 (of trits: 0.08), and not tied to the head: a random
/// model with tied
///   embeddings repeats its last token for ever, whatever its layers compute.
/// * Gains of the norms: uniform in [0.75, 1.25).
/// * Tokenizer: SentencePiece with the 256 bytes and distinct pieces of letters.
///
/// Finishes `writer`. `progress` is called with the bytes written and all bytes. Throws Error when
/// the chip cannot hold the model, or on options out of range.
void synthesise(const SynthPreset& preset, const SynthOptions& options, ImageWriter& writer,
                const std::function<void(uint64_t done, uint64_t all)>& progress = {});

}  // namespace tern::io
