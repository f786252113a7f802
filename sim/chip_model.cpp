// SPDX-License-Identifier: Apache-2.0
// Compiled once for each verilated model, with TERN_MODEL (nano_fast ...), TERN_MODEL_CLASS and
// TERN_MODEL_HEADER set by CMake.
#include "chip_model.hpp"

#include TERN_MODEL_HEADER
#include <verilated.h>

#include "io/atomic_file.hpp"
#include "io/error.hpp"
#include "io/interruption.hpp"
#if VM_TRACE_FST
#include "fst_recording.hpp"
#endif

namespace tern::sim {
namespace {

using Chip = TERN_MODEL_CLASS;

/// A register access takes a few cycles; through the window into the scratchpad it may wait for the
/// vector unit.
constexpr uint32_t kBusTimeout = 10'000;

class VerilatedModel final : public ChipModel {
 public:
  VerilatedModel(MemoryStorage& storage, const MemoryTiming& timing, MemoryBackend* backend)
      : chip_(&context_, "chip"), memory_(storage, timing, backend) {
    context_.traceEverOn(true);
    chip_.rst_ni = 0;
    chip_.clk_i = 0;
    chip_.s_axil_bready_i = 1;
    chip_.s_axil_rready_i = 1;
    chip_.s_axil_wstrb_i = 0xf;
    chip_.eval();
    for (int i = 0; i < 4; ++i) {
      chip_.clk_i = 1;
      chip_.eval();
      chip_.clk_i = 0;
      chip_.eval();
    }
    chip_.rst_ni = 1;
    run(4);
  }

  ~VerilatedModel() override {
    // Verilator takes the thread's latest context otherwise, which may be that of a chip that is
    // gone.
    Verilated::threadContextp(&context_);
    // What was recorded until an error ended the run is written.
    try {
      end_trace();
    } catch (const Error& e) {
      fmt::print(stderr, "tern: error: {}\n", e.what());
    }
    chip_.final();
  }

  void write_register(uint32_t offset, uint32_t value) override {
    chip_.s_axil_awaddr_i = offset;
    chip_.s_axil_wdata_i = value;
    chip_.s_axil_awvalid_i = 1;
    chip_.s_axil_wvalid_i = 1;
    wait_for(offset, [&] { return chip_.s_axil_awready_o != 0; });
    chip_.s_axil_awvalid_i = 0;
    chip_.s_axil_wvalid_i = 0;
    uint32_t response = 0;
    wait_for(offset, [&] {
      response = chip_.s_axil_bresp_o;
      return chip_.s_axil_bvalid_o != 0;
    });
    if (response != 0) throw Error("register 0x{:03x}: write answered with {}", offset, response);
  }

  uint32_t read_register(uint32_t offset) override {
    chip_.s_axil_araddr_i = offset;
    chip_.s_axil_arvalid_i = 1;
    wait_for(offset, [&] { return chip_.s_axil_arready_o != 0; });
    chip_.s_axil_arvalid_i = 0;
    uint32_t value = 0;
    uint32_t response = 0;
    wait_for(offset, [&] {
      value = chip_.s_axil_rdata_o;
      response = chip_.s_axil_rresp_o;
      return chip_.s_axil_rvalid_o != 0;
    });
    if (response != 0) throw Error("register 0x{:03x}: read answered with {}", offset, response);
    return value;
  }

  bool run_until_interrupt(uint64_t cycles) override {
    for (uint64_t i = 0; i < cycles && !chip_.irq_o; ++i) {
      if (i % kCheckedCycles == 0) check_recording();
      step();
    }
    return chip_.irq_o != 0;
  }

  void run(uint64_t cycles) override {
    for (uint64_t i = 0; i < cycles; ++i) step();
  }

  uint64_t cycles() const override { return memory_.cycles(); }
  void set_timing(const MemoryTiming& timing) override { memory_.configure(timing); }
  void inject_errors(std::vector<uint64_t> addresses) override {
    memory_.inject_errors(std::move(addresses));
  }
  void inject(const MemoryFault& fault) override { memory_.inject(fault); }
  uint64_t read_beats() const override { return memory_.read_beats(); }
  uint64_t write_beats() const override { return memory_.write_beats(); }
  void watch(std::function<void(uint64_t, uint64_t)> watch) override {
    watch_ = std::move(watch);
    monitor_ = 0;
  }

  void trace(const std::filesystem::path& file) override {
#if VM_TRACE_FST
    trace_ = std::make_unique<FstRecording>(file, chip_);
#else
    throw Error("{}: this body of the chip has no trace; choose the tree body", file.string());
#endif
  }

  void end_trace() override {
#if VM_TRACE_FST
    const std::unique_ptr<FstRecording> trace = std::move(trace_);
    if (trace && !trace->failed()) trace->finish();
#endif
  }

 private:
  /// Between two looks at whether a recording goes on.
  static constexpr uint64_t kCheckedCycles = 4096;

  void check_recording() {
    if (io::interruption_asked() != 0) throw Error("interrupted; recordings end here");
#if VM_TRACE_FST
    if (trace_) trace_->check();
#endif
  }

  static constexpr uint32_t kBeatBytes = sizeof(Chip::m_axi_rdata_i);

  /// First half of a cycle: inputs reach the chip, its outputs settle.
  void settle() {
    memory_.drive(chip_);
    chip_.clk_i = 0;
    chip_.eval();
#if VM_TRACE_FST
    if (trace_) trace_->dump(2 * memory_.cycles());
#endif
  }

  /// Second half: the clock edge.
  void clock() {
    if (watch_ && chip_.monitor_o != monitor_) {
      monitor_ = chip_.monitor_o;
      watch_(memory_.cycles(), monitor_);
    }
    memory_.collect(chip_);
    context_.time(memory_.cycles());
    chip_.clk_i = 1;
    chip_.eval();
#if VM_TRACE_FST
    if (trace_) trace_->dump(2 * memory_.cycles() - 1);
#endif
  }

  void step() {
    settle();
    clock();
  }

  /// Runs whole cycles up to and including the first in which `condition` holds before the clock
  /// edge.
  template <typename Condition>
  void wait_for(uint32_t offset, Condition condition) {
    for (uint32_t i = 0; i < kBusTimeout; ++i) {
      settle();
      const bool reached = condition();
      clock();
      if (reached) return;
    }
    throw Error("register 0x{:03x}: the chip did not answer for {} cycles", offset, kBusTimeout);
  }

  VerilatedContext context_;
  Chip chip_;
  AxiMemory<Chip, kBeatBytes> memory_;
  std::function<void(uint64_t, uint64_t)> watch_;
  uint64_t monitor_ = 0;
#if VM_TRACE_FST
  std::unique_ptr<FstRecording> trace_;
#endif
};

}  // namespace

#define TERN_CONCAT_(a, b) a##b
#define TERN_CONCAT(a, b) TERN_CONCAT_(a, b)
std::unique_ptr<ChipModel> TERN_CONCAT(make_, TERN_MODEL)(MemoryStorage& storage,
                                                          const MemoryTiming& timing,
                                                          MemoryBackend* backend) {
  return std::make_unique<VerilatedModel>(storage, timing, backend);
}

}  // namespace tern::sim
