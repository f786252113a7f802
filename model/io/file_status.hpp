// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace tern::io {

/// Whether there is a file, or a folder, of this name. A name that no file can have, as one that is
/// too long, is that of none. Throws tern::Error when the system does not tell.
bool path_exists(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);

}  // namespace tern::io
