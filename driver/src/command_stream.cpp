#include "command_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "io/error.hpp"
#include "spec/generated/registers.hpp"
#include "spec/numerics/fixed.hpp"

namespace tern::driver {

namespace reg = spec::reg;

namespace {

constexpr uint32_t kResetPolls = 100'000;
constexpr uint32_t kSpuriousWakes = 10'000;  // interrupts without a command done

constexpr uint32_t kCounterRegisters[] = {reg::kBeats, reg::kLoadBeats, reg::kResultBeats,
                                          reg::kStallRead, reg::kStallDrain};

}  // namespace

CommandStream::CommandStream(Transport& transport, uint64_t timeout_cycles)
    : transport_(transport), chip_(transport.config()), timeout_(timeout_cycles) {
  if (!soft_reset()) {
    throw Error("chip {} stays busy after a soft reset; reset or reprogram it", chip_.name);
  }
}

void CommandStream::set_work_area(uint64_t begin, uint64_t bytes) {
  work_begin_ = begin;
  work_end_ = begin + bytes;
  begin_batch();
}

uint64_t CommandStream::load_bytes(const spec::ChipConfig& chip, uint32_t cols, uint32_t columns) {
  const uint64_t column = spec::align_up(cols, chip.columns);
  return spec::align_up(column * columns, spec::kAddrUnit);
}

uint64_t CommandStream::result_bytes(const spec::ChipConfig& chip, const spec::MatrixShape& shape) {
  const uint64_t entries = uint64_t{shape.entries()} + 1;  // the trailer too
  return spec::align_up(entries * spec::result_entry_bytes(chip), spec::kAddrUnit);
}

uint64_t CommandStream::take(uint64_t bytes) {
  const uint64_t at = work_next_;
  work_next_ += bytes;
  if (work_next_ > work_end_) {
    fmt::print(stderr, "tern driver: a batch needs {} bytes of a work area of {}\n",
               work_next_ - work_begin_, work_end_ - work_begin_);
    std::abort();
  }
  return at;
}

void CommandStream::begin_batch() {
  work_next_ = work_begin_;
  pending_.clear();
  batch_ = pushed_;
  errors_ = 0;
}

void CommandStream::load(const ActivationColumns& x, const Operation& what) {
  const uint64_t address = take(load_bytes(chip_, x.cols, x.columns));
  const uint32_t tiles = spec::ceil_div(x.cols, chip_.columns);
  const std::size_t column = std::size_t{tiles} * chip_.columns;
  scratch_.resize(std::max(scratch_.size(), column * x.columns));
  for (uint32_t m = 0; m < x.columns; ++m) {
    std::byte* to = scratch_.data() + m * column;
    std::memcpy(to, x.data + m * x.stride, x.cols);
    std::memset(to + x.cols, 0, column - x.cols);
  }
  transport_.write_memory(address, {scratch_.data(), column * x.columns});

  spec::Command command;
  command.opcode = static_cast<uint32_t>(spec::Opcode::kLoadAct);
  command.act_columns = x.columns;
  command.read_addr = static_cast<uint32_t>(address / spec::kAddrUnit);
  command.beats = x.columns * tiles;
  command.cols = x.cols;
  loaded_columns_ = x.columns;
  push(command, {what, false, next_tag_, x.columns, address, 0, {}, {}});
}

void CommandStream::multiply(uint64_t address, const spec::MatrixShape& shape, ResultColumns out,
                             const Operation& what) {
  const uint64_t result = take(result_bytes(chip_, shape));
  spec::Command command;
  command.opcode = static_cast<uint32_t>(spec::Opcode::kMatmul);
  command.layout = static_cast<uint32_t>(shape.layout);
  command.planes = shape.planes;
  command.act_columns = loaded_columns_;
  command.read_addr = static_cast<uint32_t>(address / spec::kAddrUnit);
  command.beats = static_cast<uint32_t>(shape.beats());
  command.rows = shape.rows;
  command.cols = shape.cols;
  command.block = shape.block;
  command.stripes = shape.stripes;
  command.result_addr = static_cast<uint32_t>(result / spec::kAddrUnit);
  push(command, {what, true, next_tag_, loaded_columns_, address, result, shape, out});

  const uint32_t trits = shape.layout == spec::Layout::kValue ? spec::kTritsPerByte : shape.planes;
  trit_macs_ += uint64_t{shape.rows} * shape.cols * trits * loaded_columns_;
}

void CommandStream::push(const spec::Command& command, const Pending& pending) {
  if (pushed_ - completed_ >= chip_.cmd_depth) wait_for(completed_ + 1);
  spec::Command tagged = command;
  tagged.tag = next_tag_++;
  const spec::Command::Words words = tagged.pack();
  for (uint32_t i = 0; i < spec::kCommandWords; ++i) {
    if (words_[i] == words.w[i]) continue;
    transport_.write_register(reg::kCmd + 4 * i, words.w[i]);
    words_[i] = words.w[i];
  }
  transport_.write_register(reg::kDoorbell, reg::kDoorbellRingMask);
  ++pushed_;
  pending_.push_back(pending);
}

/// Reads DONE and ERROR. Returns whether a command got done. ERROR is cleared, so that the
/// interrupt line tells of completions again.
bool CommandStream::poll() {
  const uint32_t done = transport_.read_register(reg::kDone);
  if (const uint32_t errors = transport_.read_register(reg::kError)) {
    if (errors_ == 0) before_error_ = completed_;
    errors_ |= errors;
    transport_.write_register(reg::kError, errors);
  }
  if (done == completed_) return false;
  transport_.write_register(reg::kIrqAck, done);
  completed_ = done;
  return true;
}

void CommandStream::wait_for(uint32_t done) {
  uint32_t spurious = 0;
  while (static_cast<int32_t>(done - completed_) > 0) {
    if (!transport_.wait_interrupt(timeout_)) fail_with_timeout("did not finish");
    if (poll()) {
      spurious = 0;
    } else if (errors_ == 0 && ++spurious == kSpuriousWakes) {
      fail_with_timeout("holds the interrupt line but does not finish");
    }
    if (errors_ != 0) fail_with_errors();
  }
}

void CommandStream::finish() {
  wait_for(pushed_);
  cycle_ = transport_.cycles();
  for (const Pending& p : pending_) {
    if (p.is_product) read_result(p);
  }
  begin_batch();
}

void CommandStream::read_result(const Pending& p) {
  const uint32_t entry = spec::result_entry_bytes(chip_);
  const uint32_t width = chip_.act_columns;
  const std::size_t bytes = (std::size_t{p.shape.entries()} + 1) * entry;
  scratch_.resize(std::max(scratch_.size(), bytes));
  transport_.read_memory(p.result, {scratch_.data(), bytes});

  std::array<uint32_t, 1u << spec::CommandBits::act_columns> largest{};
  std::array<int32_t, 1u << spec::CommandBits::act_columns> row_words{};
  const std::byte* from = scratch_.data();
  for (uint32_t row = 0; row < p.shape.rows; from += entry) {
    const uint32_t end = std::min(row + spec::kTritsPerByte, p.shape.rows);
    for (const std::byte* word = from; row < end; ++row, word += 4 * width) {
      std::memcpy(row_words.data(), word, 4 * p.columns);
      for (uint32_t m = 0; m < p.columns; ++m) {
        const int32_t v = row_words[m];
        p.out.data[m * p.out.stride + row] = v;
        largest[m] = std::max(largest[m], spec::abs32(v));
      }
    }
  }

  std::array<uint32_t, (1u << spec::CommandBits::act_columns) + 2> trailer{};
  std::memcpy(trailer.data(), scratch_.data() + bytes - entry, 4 * (width + 2));
  if (trailer[width + 1] != p.tag) {
    fail(p, fmt::format("its result at 0x{:x} carries tag {}, expected {}: the chip wrote to "
                        "another place or nothing at all",
                        p.result, trailer[width + 1], p.tag));
  }
  if (trailer[width] != 0) {
    fail(p, fmt::format("{} illegal T5 codes without an error bit", trailer[width]));
  }
  for (uint32_t m = 0; m < p.columns; ++m) {
    if (trailer[m] == largest[m]) continue;
    fail(p, fmt::format("the chip's max-abs of activation column {} is {}, that of the results "
                        "read from 0x{:x} is {}: results were lost on the way",
                        m, trailer[m], p.result, largest[m]));
  }
}

/// Drops everything that is queued. Returns whether the chip became idle.
bool CommandStream::soft_reset() {
  transport_.write_register(reg::kCtrl, reg::kCtrlSoftResetMask);
  words_ = {};
  last_ = {};
  pushed_ = 0;
  completed_ = 0;
  begin_batch();
  for (uint32_t i = 0; i < kResetPolls; ++i) {
    if (!(transport_.read_register(reg::kStatus) & reg::kStatusBusyMask)) return true;
  }
  return false;
}

void CommandStream::abandon() noexcept {
  if (pending_.empty()) return;
  try {
    soft_reset();
  } catch (const std::exception&) {
    // The transport is gone too; the error under way says why.
  }
}

void CommandStream::sample_counters() {
  for (std::size_t i = 0; i < kCounters; ++i) {
    const uint32_t now = transport_.read_register(kCounterRegisters[i]);
    total_[i] += now - last_[i];
    last_[i] = now;
  }
}

Counters CommandStream::counters() const {
  std::array<uint64_t, kCounters> sum = total_;
  for (std::size_t i = 0; i < kCounters; ++i) {
    sum[i] += static_cast<uint32_t>(transport_.read_register(kCounterRegisters[i]) - last_[i]);
  }
  const uint64_t low = transport_.read_register(reg::kCyclesLo);
  const uint64_t high = transport_.read_register(reg::kCyclesHi);
  return {cycles_before_reset_ + (high << 32 | low),
          sum[0],
          sum[1],
          sum[2],
          sum[3],
          sum[4],
          trit_macs_};
}

}  // namespace tern::driver
