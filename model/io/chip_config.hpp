// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "spec/generated/spec.hpp"

namespace tern::io {

/// The named configuration. Throws Error that lists the known ones.
const spec::ChipConfig& find_config(std::string_view name);

}  // namespace tern::io
