// SPDX-License-Identifier: Apache-2.0
#include "backends/backends.hpp"

#include "backends/options.hpp"

namespace tern {

void register_backends() {
  using namespace sim;
  register_backend(
      {"golden", "the integer model that defines the results", {&kThreads}, open_golden});
  register_backend(
      {"reference", "the float32 model; reference:FILE.gguf names its file", {}, open_reference});
  register_backend({"machine",
                    "the chip's firmware over untimed units; machine:nano, machine:edge, ...",
                    {},
                    open_machine});
  register_backend({"rtl",
                    kRtlDescription,
                    {&kBody, &kLatency, &kDram, &kClockMhz, &kStall, &kTrace, &kTimeline},
                    open_rtl});
  register_backend({"tlm",
                    "the performance model: cycles without results; tlm:nano or tlm:edge",
                    {&kLatency, &kStall},
                    open_tlm});
  register_backend(
      {"uart", "a board behind a serial port; uart:/dev/ttyUSB0 or uart:PATH,BAUD", {}, open_uart});
  register_backend(
      {"uio", "a chip in this machine's programmable logic; uio:/dev/uio0[,BUFFER]", {}, open_uio});
  register_backend({"board", kEmulatedDescription, {}, open_emulated});
}

}  // namespace tern
