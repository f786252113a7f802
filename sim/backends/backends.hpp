// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "tern/backends.hpp"
#include "tern/device.hpp"
#include "tern/transport.hpp"

namespace tern::sim {

/// "golden:", the model that defines the results. Takes no argument.
std::unique_ptr<Device> open_golden(std::string_view argument, const DeviceSettings& settings);

/// "reference:FILE.gguf", float32. Without an argument it takes settings.model_file, else the file
/// that the image came from, and then takes models as files. Logits are rounded to 30 bits; there
/// are no integer vectors, so set_trace() refuses any sink.
std::unique_ptr<Device> open_reference(std::string_view argument, const DeviceSettings& settings);

/// "machine:nano" and every other configuration: the chip's firmware on an instruction-set
/// simulator, over units that compute at once and refuse what the contract does not allow. Any
/// build has it.
std::unique_ptr<Device> open_machine(std::string_view argument, const DeviceSettings& settings);

/// "rtl:nano" and every other configuration: a chip over the simulation of its RTL. A build without
/// the simulated chips knows the name and says so.
std::unique_ptr<Device> open_rtl(std::string_view argument, const DeviceSettings& settings);
extern const char* const kRtlDescription;
/// The chip of open_rtl() without a driver on it.
std::unique_ptr<Transport> open_rtl_chip(std::string_view config, const DeviceSettings& settings);

/// "tlm:nano", "tlm:edge": the performance model, which predicts cycles and computes no tokens.
std::unique_ptr<Device> open_tlm(std::string_view argument, const DeviceSettings& settings);

/// "uart:PATH", "uart:PATH,BAUD": a board behind a serial port, or tern emulate behind a
/// pseudo-terminal.
std::unique_ptr<Device> open_uart(std::string_view argument, const DeviceSettings& settings);

/// "uio:/dev/uio0", "uio:/dev/uio0,/dev/udmabuf0": a chip in the programmable logic of this
/// machine.
std::unique_ptr<Device> open_uio(std::string_view argument, const DeviceSettings& settings);

/// "board:ulx3s": an emulated board in this process. Models are put into its memory past the line,
/// and checked over it.
std::unique_ptr<Device> open_emulated(std::string_view argument, const DeviceSettings& settings);
extern const char* const kEmulatedDescription;

/// The device of any chip that the driver's own firmware runs on.
std::unique_ptr<Device> open_board(std::unique_ptr<Transport> transport,
                                   const DeviceSettings& settings);

}  // namespace tern::sim
