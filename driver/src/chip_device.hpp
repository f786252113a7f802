// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "tern/device.hpp"
#include "tern/transport.hpp"

namespace tern {

/// What the controller runs: whole words for its two memories.
struct Firmware {
  std::span<const std::byte> instructions;
  std::span<const std::byte> data;
};

/// A device over the way to one chip. The chip computes everything; the host writes the model into
/// its memory, starts the firmware and passes words through the mailbox. Checks the chip's
/// identity, version and size against transport->config(); throws tern::Error when they differ.
/// `timeout_cycles` is the longest time without a word or any other progress; the chip's watchdog
/// is set to it too. The firmware's bytes must outlive the device. `load_progress` is told how
/// far load() is.
std::unique_ptr<Device> make_chip_device(std::unique_ptr<Transport> transport,
                                         uint64_t timeout_cycles, const Firmware& firmware,
                                         MemoryProgress load_progress = {});

}  // namespace tern
