// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "io/model_files.hpp"

namespace tern::io {

/// A Hugging Face folder; internal to open_model().
///
/// Linear layers of BitNet models (quantization_config "bitnet") are either packed, uint8 [out/4,
/// in] with row r + i out/4 in bits 2i and 2i + 1 of byte row r and a weight_scale, by which
/// results are multiplied (linear_class "autobitlinear") or divided (otherwise); or float master
/// weights, which are made ternary while they are read: scale = max(mean |W|, 1e-5), t =
/// clamp(round half even (W / scale), -1, 1).
std::unique_ptr<ModelFiles> open_hf_folder(const std::filesystem::path& folder);

}  // namespace tern::io
