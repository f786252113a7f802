// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tern::io {

/// Bytes that this process can still take: the least of what the system has free, what its control
/// group leaves and what the limit of its address space leaves.
std::uint64_t available_memory();

/// Throws Error when `bytes` are more than available_memory(), before they are taken. `what` says
/// in the message what needs them, `remedy` what to do: "model.tern: a cache for 1048576 positions
/// needs 64.0 GB of memory, 15.2 GB are available; use ...".
void require_memory(std::uint64_t bytes, std::string_view what, std::string_view remedy);

}  // namespace tern::io
