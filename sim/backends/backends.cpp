// SPDX-License-Identifier: Apache-2.0
#include "backends/backends.hpp"

#include <utility>

#include "io/error.hpp"

namespace tern::sim {

void refuse_threads(std::string_view backend, const DeviceOptions& options) {
  if (options.threads != 1 && backend != "golden")
    throw Error("backend {} takes no threads; only golden: does", backend);
}

void refuse_chip_options(std::string_view backend, const DeviceOptions& options) {
  refuse_threads(backend, options);
  const DeviceOptions defaults;
  const std::pair<bool, const char*> given[] = {
      {options.trace_file != defaults.trace_file, "trace file"},  // which chooses a body
      {options.body != defaults.body, "body"},
      {options.memory_latency != defaults.memory_latency, "memory latency"},
      {options.memory_stall != defaults.memory_stall, "memory stall"},
      {options.dram != defaults.dram, "DRAM"},
      {options.clock_mhz != defaults.clock_mhz, "clock"},
      {options.timeline_file != defaults.timeline_file, "timeline"},
  };
  for (const auto& [differs, what] : given) {
    if (differs) {
      throw Error("backend {} has no {}; leave it out or use a simulated chip, such as rtl:edge",
                  backend, what);
    }
  }
}

void register_backends() {
  register_backend("golden", "the integer model that defines the results", open_golden);
  register_backend("reference", "the float32 model; reference:FILE.gguf names its file",
                   open_reference);
  register_backend("machine",
                   "the chip's firmware over untimed units; machine:nano, machine:edge, ...",
                   open_machine);
  register_backend("rtl", kRtlDescription, open_rtl);
  register_backend("tlm", "the performance model: cycles without results; tlm:nano or tlm:edge",
                   open_tlm);
  register_backend("uart", "a board behind a serial port; uart:/dev/ttyUSB0 or uart:PATH,BAUD",
                   open_uart);
  register_backend("uio", "a chip in this machine's programmable logic; uio:/dev/uio0[,BUFFER]",
                   open_uio);
  register_backend("board", kEmulatedDescription, open_emulated);
}

}  // namespace tern::sim
