#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spec/numerics/layout.hpp"
#include "tern/device.hpp"
#include "tern/transport.hpp"

namespace tern::driver {

/// What a command computes, for messages.
struct Operation {
  spec::TracePoint point{};
  uint32_t position = 0;  ///< Of the token in the first activation column.
  int32_t layer = -1;     ///< -1 outside of the layers.
  int32_t head = -1;      ///< Query head of the first activation column, -1 where there is none.
};

/// "layer 3 ffn_down at position 17".
std::string describe(const Operation& what);

/// The bits of the ERROR register in words, "bus_read, illegal_code".
std::string describe_errors(uint32_t bits);

/// Columns of activations in host memory: column m begins at data + m * stride.
struct ActivationColumns {
  const int8_t* data;
  std::size_t stride;
  uint32_t cols;     ///< Elements of a column.
  uint32_t columns;  ///< 1 to M.
};

/// Where results go in host memory: row r of activation column m to data[m * stride + r].
struct ResultColumns {
  int32_t* data;
  std::size_t stride;
};

/// The chip's command queue as batches: queue loads and products, then finish() waits for all of
/// them and brings the results. A product uses the activations of the last load before it. The
/// activations and results of a batch lie in the work area, one after the other, so that no command
/// of a batch reads what another one writes.
///
/// Everything that the chip reports is checked: ERROR, and for each product its trailer (tag,
/// illegal codes, max-abs against the results). Any fault, or no answer within the time-out, throws
/// tern::Error that names operation, layer, position and address; the chip is reset before, so
/// that the next batch finds it idle.
class CommandStream {
 public:
  /// Resets the chip. Throws tern::Error when it stays busy.
  CommandStream(Transport& transport, uint64_t timeout_cycles);

  /// Memory that batches may use, [begin, begin + bytes).
  void set_work_area(uint64_t begin, uint64_t bytes);
  /// Bytes of the work area that a load or a product takes.
  static uint64_t load_bytes(const spec::ChipConfig& chip, uint32_t cols, uint32_t columns);
  static uint64_t result_bytes(const spec::ChipConfig& chip, const spec::MatrixShape& shape);

  void load(const ActivationColumns& x, const Operation& what);
  /// The matrix lies at `address`. `out` must stay valid until finish().
  void multiply(uint64_t address, const spec::MatrixShape& shape, ResultColumns out,
                const Operation& what);
  void finish();
  /// Forgets a batch that something else ended, and resets the chip. Does nothing between batches.
  void abandon() noexcept;

  /// Chip cycles when the last batch ended.
  uint64_t cycle() const { return cycle_; }

  /// Counts up to now, in 64 bits. Takes the 32-bit registers as wrapped at most once since the
  /// last call of sample_counters().
  Counters counters() const;
  void sample_counters();

 private:
  /// A command of this batch, in order.
  struct Pending {
    Operation what;
    bool is_product;
    uint8_t tag;
    uint32_t columns;
    uint64_t address;  ///< Activations or matrix.
    uint64_t result;
    spec::MatrixShape shape;
    ResultColumns out;
  };
  static constexpr std::size_t kCounters = 5;

  uint64_t take(uint64_t bytes);
  void push(const spec::Command& command, const Pending& pending);
  void wait_for(uint32_t done);
  bool poll();
  void read_result(const Pending& p);
  void begin_batch();

  bool soft_reset();
  void drain_after_error();
  const Pending& culprit(uint32_t& illegal);
  [[noreturn]] void fail_with_errors();
  [[noreturn]] void fail_with_timeout(std::string_view symptom);
  [[noreturn]] void fail(const Pending& p, std::string_view message);

  Transport& transport_;
  const spec::ChipConfig& chip_;
  uint64_t timeout_;

  uint64_t work_begin_ = 0;
  uint64_t work_end_ = 0;
  uint64_t work_next_ = 0;

  std::array<uint32_t, spec::kCommandWords> words_{};  ///< What the CMD registers hold.
  uint32_t pushed_ = 0;                                ///< Commands since the chip's reset.
  uint32_t completed_ = 0;                             ///< DONE as last read.
  uint32_t batch_ = 0;                                 ///< pushed_ when the batch began.
  uint32_t errors_ = 0;                                ///< Bits of ERROR seen in this batch.
  uint32_t before_error_ = 0;  ///< completed_ before the first of them was seen.
  uint8_t next_tag_ = 1;
  uint32_t loaded_columns_ = 0;
  std::vector<Pending> pending_;
  std::vector<std::byte> scratch_;
  uint64_t cycle_ = 0;

  std::array<uint32_t, kCounters> last_{};   ///< Registers when last sampled.
  std::array<uint64_t, kCounters> total_{};  ///< Sums up to then.
  uint64_t cycles_before_reset_ = 0;
  uint64_t trit_macs_ = 0;
};

}  // namespace tern::driver
