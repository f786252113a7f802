#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "tern/transport.hpp"

namespace tern::test {

/// A chip by its definition, untimed: reads the beats of each command in the order of the stream
/// and accumulates them, without address arithmetic and without code shared with the driver or the
/// golden model. Commands run one by one, and only while the driver waits, so that a driver which
/// does not wait gets no results and one that overfills the queue an error. `cycles()` counts
/// beats.
class FunctionalChip final : public Transport {
 public:
  explicit FunctionalChip(const spec::ChipConfig& config);

  const spec::ChipConfig& config() const override { return config_; }
  void reserve_memory(uint64_t bytes) override;
  void write_memory(uint64_t address, std::span<const std::byte> data) override;
  void read_memory(uint64_t address, std::span<std::byte> data) override;
  void write_register(uint32_t offset, uint32_t value) override;
  uint32_t read_register(uint32_t offset) override;
  bool wait_interrupt(uint64_t timeout_cycles) override;
  uint64_t cycles() const override { return beats_ + load_beats_ + result_beats_; }

  // Faults.
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();
  uint64_t hang_after = kNever;           ///< Commands after which none ends any more.
  uint64_t stop_on_shape_error = kNever;  ///< Command that ends in BAD_COMMAND without DONE.
  std::optional<uint64_t> bad_read;       ///< Reads of the beat with this byte get an error.
  uint64_t bad_writes_from = kNever;      ///< Writes at and beyond this address get an error.
  bool drop_results = false;              ///< Results are not written, their responses are OKAY.
  uint32_t result_xor = 0;                ///< Flips bits of the first result word of each command.
  uint32_t id = 0;                        ///< Other than 0: what ID reads as.
  uint32_t counter_offset = 0;            ///< Added to the beat counters' registers.

  std::vector<std::byte>& memory() { return memory_; }
  uint64_t commands() const { return commands_; }
  uint32_t deepest_queue() const { return deepest_queue_; }

 private:
  using Words = std::array<uint32_t, spec::kCommandWords>;

  bool interrupt() const { return done_ != irq_ack_ || error_ != 0; }
  void soft_reset();
  void execute(const Words& w);
  bool legal(const Words& w) const;
  void load_activations(const Words& w);
  void multiply(const Words& w);
  std::span<const uint8_t> beat(uint64_t& address);
  void write_results(const Words& w, const std::vector<std::vector<int32_t>>& rows,
                     uint32_t illegal);
  void write_entry(uint64_t address, std::vector<uint32_t> words);

  const spec::ChipConfig& config_;
  std::vector<std::byte> memory_;
  std::vector<std::vector<int8_t>> activations_;  ///< [M][act_depth * C]
  std::vector<std::array<int8_t, 5>> digits_;     ///< [256]
  std::deque<Words> queue_;
  Words words_{};
  uint32_t done_ = 0;
  uint32_t irq_ack_ = 0;
  uint32_t error_ = 0;
  uint64_t commands_ = 0;
  uint32_t deepest_queue_ = 0;
  uint64_t beats_ = 0;
  uint64_t load_beats_ = 0;
  uint64_t result_beats_ = 0;
};

}  // namespace tern::test
