// SPDX-License-Identifier: Apache-2.0
#include "chip_errors.hpp"

#include <fmt/format.h>

#include "spec/generated/registers.hpp"

namespace tern::driver {

namespace reg = spec::reg;
using spec::FirmwareError;

namespace {

struct ErrorBit {
  uint32_t lsb;
  const char* name;
  const char* meaning;
};

/// What makes the others fail comes first.
constexpr ErrorBit kErrorBits[] = {
    {reg::kErrorBusReadLsb, "bus_read",
     "the memory refused a read; check the memory's size and its controller"},
    {reg::kErrorBusWriteLsb, "bus_write",
     "the memory refused a write; check the memory's size and its controller"},
    {reg::kErrorParityLsb, "parity",
     "a beat was damaged on its way from memory; check the memory and its clock, then run again"},
    {reg::kErrorIllegalCodeLsb, "illegal_code",
     "a matrix in the chip's memory is damaged; load the model again"},
    {reg::kErrorBadCommandLsb, "bad_command",
     "the chip refused a command of its firmware; driver and chip differ in version or "
     "configuration"},
    {reg::kErrorTrapLsb, "trap", "the firmware stopped"},
    {reg::kErrorMailOverflowLsb, "mail_overflow",
     "a word found no room in the mailbox and was lost; something else drives this chip"},
    {reg::kErrorWatchdogLsb, "watchdog",
     "work made no progress for as long as the time-out; give a longer one or check the memory"},
};

const char* cause_name(uint32_t cause) {
  switch (cause) {
    case 0:
      return "jump to a misaligned address";
    case 1:
      return "fetch outside of the instruction memory";
    case 2:
      return "illegal instruction";
    case 3:
      return "breakpoint";
    case 4:
      return "misaligned load";
    case 5:
      return "load where there is nothing";
    case 6:
      return "misaligned store";
    case 7:
      return "store where there is nothing";
    case 11:
      return "environment call";
    default:
      return "unknown cause";
  }
}

/// What is wrong with the image in the chip's memory; nothing for other errors.
std::string describe_image_error(FirmwareError error, uint32_t detail) {
  constexpr const char* kConvert = "convert the model again with this version";
  switch (error) {
    case FirmwareError::kImageMagic:
      return fmt::format(
          "the memory holds no .tern image: its first word is 0x{:08x}, not 0x{:08x}", detail,
          spec::kImageMagic);
    case FirmwareError::kImageVersion:
      return fmt::format("the image has format version {}, the firmware reads {}; {}", detail,
                         spec::kImageVersion, kConvert);
    case FirmwareError::kImageColumns:
      return fmt::format(
          "the image is packed for beats of {} bytes; convert the model for this "
          "chip's configuration",
          detail);
    case FirmwareError::kModelChecksum:
      return fmt::format(
          "the model descriptor in the chip's memory is damaged (checksum "
          "0x{:08x}); load the model again",
          detail);
    case FirmwareError::kLayerChecksum:
      return fmt::format(
          "the descriptor of layer {} in the chip's memory is damaged; load the "
          "model again",
          detail);
    case FirmwareError::kModelShape:
      if (detail == offsetof(spec::ModelDescriptor, heads))
        return fmt::format(
            "the model's heads and KV heads are more than the firmware takes: at most 64 and 32, "
            "and together what {} scalar registers hold",
            spec::kScalarRegs);
      return fmt::format(
          "the field at byte {} of the model descriptor is 0, not supported or "
          "inconsistent; {}",
          detail, kConvert);
    case FirmwareError::kLayerShape:
      return fmt::format(
          "layer {}: the field at byte {} of its descriptor does not fit the model; "
          "{}",
          detail >> 16, detail & 0xffff, kConvert);
    case FirmwareError::kMatrixLayout: {
      const uint32_t layer = detail >> 16;
      return fmt::format(
          "{}: the field at byte {} asks for group scales or 1-bit weights, which this chip was "
          "built without; convert the model for its configuration, or use another one",
          layer == 0xffff ? "the model descriptor" : fmt::format("layer {}", layer),
          detail & 0xffff);
    }
    default:
      return "";
  }
}

}  // namespace

std::string error_names(uint32_t bits) {
  std::string out;
  for (const ErrorBit& bit : kErrorBits) {
    if (bits >> bit.lsb & 1) out += fmt::format("{}{}", out.empty() ? "" : ", ", bit.name);
    bits &= ~(1u << bit.lsb);
  }
  if (bits != 0) out += fmt::format("{}bits 0x{:x}", out.empty() ? "" : ", ", bits);
  return out.empty() ? "none" : out;
}

std::string error_meaning(uint32_t bits) {
  for (const ErrorBit& bit : kErrorBits) {
    if (bits >> bit.lsb & 1) return bit.meaning;
  }
  return "a bit that this driver does not know; driver and chip differ in version";
}

std::string describe_trap(uint32_t cause, uint32_t pc, uint32_t value) {
  return fmt::format("{} (cause {}) at pc 0x{:08x}, value 0x{:08x}", cause_name(cause), cause, pc,
                     value);
}

std::string describe_firmware_error(uint32_t code, uint32_t detail) {
  switch (static_cast<FirmwareError>(code)) {
    case FirmwareError::kUnknownRequest:
      return fmt::format("word 0x{:08x} is no request; driver and firmware differ in version",
                         detail);
    case FirmwareError::kNoModel:
      return "no model was loaded before tokens were asked for";
    case FirmwareError::kTooManyLayers:
      return fmt::format("the model's {} layers are more than the firmware holds", detail);
    case FirmwareError::kScratchpad:
      return fmt::format(
          "the model needs {} words of scratchpad, more than the chip has; use a "
          "larger configuration or a shorter context",
          detail);
    case FirmwareError::kActivations:
      return fmt::format(
          "the model needs {} tiles of activations, more than the chip has; use a "
          "larger configuration or a shorter context",
          detail);
    case FirmwareError::kContext:
      return fmt::format("the request needs {} positions, more than the context has", detail);
    case FirmwareError::kTokenRange:
      return fmt::format("token {} is outside of the vocabulary", detail);
    case FirmwareError::kSettings:
      return fmt::format("the field at byte {} of the request is out of range", detail);
    case FirmwareError::kTraceBuffer:
      return fmt::format("the trace buffer cannot hold a record of {} bytes",
                         uint64_t{detail} * spec::kAddrUnit);
    case FirmwareError::kTimeout: {
      using namespace spec::mmio::done;
      return fmt::format(
          "a unit did not finish: {} LOAD, {} MATMUL, {} VECTOR and {} STORE commands "
          "are done (modulo 256)",
          kLoad.get(detail), kMatmul.get(detail), kVector.get(detail), kStore.get(detail));
    }
    default: {
      const std::string image = describe_image_error(static_cast<FirmwareError>(code), detail);
      if (!image.empty()) return image;
    }
  }
  return fmt::format(
      "error {} (detail 0x{:08x}), which this driver does not know; driver and "
      "firmware differ in version",
      code, detail);
}

}  // namespace tern::driver
