// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "spec/generated/spec.hpp"

/// What a chip says to a model, before it is asked: spec/fit.hpp in words, and the context with
/// which a model fits.
namespace tern::io {

class Image;
struct ModelConfig;
struct ModelFormats;
struct Skeleton;

/// Which context a model gets.
struct ContextWish {
  uint32_t positions = 0;  ///< 0: the largest that fits, at most the model's.
  /// Whether the chip must be able to run the model. Otherwise the image is for the golden model
  /// alone, and the chip only says how it is packed.
  bool for_chip = true;
  std::string_view flag = "--context";  ///< For messages: what sets `positions`.
};

/// Bytes that the caches of keys and values take at most where nobody asks for a context.
inline constexpr uint64_t kDefaultCacheBytes = uint64_t{1} << 30;

/// Positions of the image of a model with the matrices of `formats`. Throws Error that names
/// `origin` when more are wanted than the model has, when the chip cannot run as many, or when it
/// cannot run the model with any context; the message says what would do.
uint32_t choose_context(const ModelConfig& config, const ModelFormats& formats,
                        const spec::ChipConfig& chip, std::string_view origin,
                        const ContextWish& wish);

/// The largest context, at most that of `model`, with which the chip runs it; 0 if there is none.
uint32_t largest_context(const Skeleton& model, const spec::ChipConfig& chip);

/// Why the chip cannot run the model, and what would help; empty if it can.
std::string obstacle(const Skeleton& model, const spec::ChipConfig& chip,
                     std::string_view context_flag = "--context");

/// Throws Error, "origin: obstacle", unless the chip can run the model.
void check_fits(const Skeleton& model, const spec::ChipConfig& chip, std::string_view origin,
                std::string_view context_flag = "--context");
void check_fits(const Image& image, const spec::ChipConfig& chip);

}  // namespace tern::io
