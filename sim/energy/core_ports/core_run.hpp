// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

namespace tern::energy {

/// Position of the token that record_token() records.
inline constexpr uint32_t kRecordedPosition = 3;

/// For once in a process: runs the GGUF model `model` on the RTL of the configuration `nano`,
/// firmware and all, until three tokens are sampled; Recording::instance() then has the cycles of
/// the core from the second to the third, which stands at position kRecordedPosition. Throws Error
/// on what cannot be read, and when the chip reports an error.
void record_token(const std::filesystem::path& model);

}  // namespace tern::energy
