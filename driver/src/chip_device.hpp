#pragma once

#include <cstdint>
#include <memory>

#include "tern/device.hpp"
#include "tern/transport.hpp"

namespace tern {

/// A device over the way to one chip: everything that multiplies by a matrix runs on the chip, the
/// vector operators on the host, by the same contract headers as the golden model. Checks the
/// chip's identity, version and size against transport->config(); throws tern::Error when they
/// differ. `timeout_cycles` is the longest wait for one command.
std::unique_ptr<Device> make_chip_device(std::unique_ptr<Transport> transport,
                                         uint64_t timeout_cycles);

}  // namespace tern
