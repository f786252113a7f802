// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tern {

/// Makes "golden", "reference", "machine", "rtl", "tlm", "uart", "uio" and "board" known to
/// Device::open(), with the options that each takes. Call it once at start-up; a second call
/// changes nothing. A build without the simulated chips knows "rtl" and "board" and says so when
/// they are opened.
void register_backends();

}  // namespace tern
