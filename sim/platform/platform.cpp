// SPDX-License-Identifier: Apache-2.0
#include "platform.hpp"

#include <algorithm>

#include "chip_initiator.hpp"
#include "dram_target.hpp"
#include "io/error.hpp"

/// The SystemC library refers to it, for programs whose main() is the library's. Ours is not.
int sc_main(int, char**) { return 1; }

namespace tern::sim {
namespace {

bool elaborated = false;

constexpr double kFsPerMicrosecond = 1e9;

double checked_clock(double mhz, const dram::Config& dram, uint32_t beat_bytes) {
  if (mhz == 0) mhz = dram.peak_gb_per_second() * 1e3 / beat_bytes;
  if (!(mhz >= 0.1 && mhz <= 20'000)) throw Error("a chip clock of {} MHz; give 0.1 to 20000", mhz);
  return mhz;
}

/// To be done once, before anything else of SystemC: time in femtoseconds, errors as exceptions,
/// nothing on stdout.
void prepare_kernel() {
  if (elaborated)
    throw Error(
        "a second chip with a DRAM in one process: SystemC can be elaborated once; use "
        "another process, or one without --dram");
  elaborated = true;
  sc_core::sc_set_time_resolution(1, sc_core::SC_FS);
  sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
  sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_DO_NOTHING);
}

class SystemcPlatform final : public Platform {
 public:
  SystemcPlatform(const dram::Config& dram, double clock_mhz, bool run_ahead, ChipModelFactory make,
                  uint32_t beat_bytes, MemoryStorage& storage, const MemoryTiming& timing)
      : clock_mhz_(clock_mhz),
        storage_(storage),
        chip_("chip", static_cast<uint64_t>(kFsPerMicrosecond / clock_mhz + 0.5), beat_bytes,
              std::max(beat_bytes, dram.geometry.burst_bytes()), run_ahead),
        dram_("dram", dram) {
    chip_.socket.bind(dram_.socket);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    chip_.run([&] { model_ = make(storage, timing, &chip_); });
  }

  void write_register(uint32_t offset, uint32_t value) override {
    chip_.run([&] { model_->write_register(offset, value); });
  }
  uint32_t read_register(uint32_t offset) override {
    uint32_t value = 0;
    chip_.run([&] { value = model_->read_register(offset); });
    return value;
  }
  bool run_until_interrupt(uint64_t cycles) override {
    check_size();
    bool reached = false;
    chip_.run([&] { reached = model_->run_until_interrupt(cycles); });
    return reached;
  }
  void run(uint64_t cycles) override {
    chip_.run([&] { model_->run(cycles); });
  }

  // These let no time pass.
  uint64_t cycles() const override { return model_->cycles(); }
  void set_timing(const MemoryTiming& timing) override { model_->set_timing(timing); }
  void inject_errors(std::vector<uint64_t> addresses) override {
    model_->inject_errors(std::move(addresses));
  }
  void inject(const MemoryFault& fault) override { model_->inject(fault); }
  uint64_t read_beats() const override { return model_->read_beats(); }
  uint64_t write_beats() const override { return model_->write_beats(); }
  void watch(std::function<void(uint64_t, uint64_t)> watch) override {
    model_->watch(std::move(watch));
  }
  void trace(const std::filesystem::path& file) override { model_->trace(file); }
  void end_trace() override { model_->end_trace(); }

  const dram::Config& dram() const override { return dram_.config(); }
  double clock_mhz() const override { return clock_mhz_; }
  dram::Counters dram_counters() override {
    chip_.catch_up();
    return dram_.counters();
  }

 private:
  void check_size() const {
    const uint64_t bytes = dram_.config().geometry.bytes();
    if (storage_.size() > bytes)
      throw Error(
          "the model needs {} MB of memory, {} has {}; use a smaller model or another "
          "memory",
          storage_.size() >> 20, dram_.config().name, bytes >> 20);
  }

  const double clock_mhz_;
  MemoryStorage& storage_;
  ChipInitiator chip_;
  DramTarget dram_;
  std::unique_ptr<ChipModel> model_;
};

}  // namespace

std::unique_ptr<Platform> make_platform(const PlatformOptions& options, ChipModelFactory make,
                                        uint32_t beat_bytes, MemoryStorage& storage,
                                        const MemoryTiming& timing) {
  const dram::Config dram = dram::find_preset(options.dram);
  const double clock_mhz = checked_clock(options.clock_mhz, dram, beat_bytes);
  prepare_kernel();
  return std::make_unique<SystemcPlatform>(dram, clock_mhz, options.run_ahead, make, beat_bytes,
                                           storage, timing);
}

}  // namespace tern::sim
