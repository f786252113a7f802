// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace tern::io {

/// Refuses, by name, what a config.json says about the model's arithmetic that is not computed:
/// every key whose name speaks of attention, rope, scales, norms, biases, windows, experts and the
/// like, unless it is known, or has a value that changes nothing. Keys that speak of none of these
/// (training, generation, storage) pass. Throws Error that begins with `file`.
void check_hf_keys(const nlohmann::json& config, std::string_view file);

/// Refuses windows of attention in which one of `layers` layers would not see all of the `context`
/// positions, by the rules of the class of `model_type`.
void check_hf_windows(const nlohmann::json& config, std::string_view model_type, int layers,
                      int context, std::string_view file);

/// The same as check_hf_keys() for the quantization_config of quant_method "bitnet".
void check_hf_quantization(const nlohmann::json& quantization, std::string_view file);

}  // namespace tern::io
