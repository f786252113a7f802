#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "command_stream.hpp"
#include "io/error.hpp"
#include "spec/generated/registers.hpp"

/// What the command stream says when the chip reports a fault or nothing at all.
namespace tern::driver {

namespace reg = spec::reg;

namespace {

constexpr uint32_t kIllegalCode = reg::kErrorIllegalCodeMask << reg::kErrorIllegalCodeLsb;

struct ErrorBit {
  uint32_t lsb;
  const char* name;
  const char* meaning;
};

constexpr ErrorBit kErrorBits[] = {
    {reg::kErrorBusReadLsb, "bus_read",
     "the memory refused a read; check the memory's size and its controller"},
    {reg::kErrorBusWriteLsb, "bus_write",
     "the memory refused a write; check the memory's size and its controller"},
    {reg::kErrorIllegalCodeLsb, "illegal_code",
     "the matrix in the chip's memory is damaged; load the model again"},
    {reg::kErrorBadCommandLsb, "bad_command",
     "the chip refused a command or its beats did not fit its shape; driver and chip differ in "
     "version or configuration"},
    {reg::kErrorQueueOverflowLsb, "queue_overflow",
     "a command was dropped because the queue was full; something else drives this chip"},
};

/// What the first bit that is set means and what to do about it.
std::string_view meaning_of(uint32_t bits) {
  for (const ErrorBit& bit : kErrorBits) {
    if (bits >> bit.lsb & 1) return bit.meaning;
  }
  return "a bit that this driver does not know; driver and chip differ in version";
}

/// After an error the chip may have stopped, so waits are short.
constexpr uint64_t kDrainCycles = 1'000'000;
constexpr uint32_t kDrainPolls = 10'000;

}  // namespace

std::string describe_errors(uint32_t bits) {
  std::string out;
  for (const ErrorBit& bit : kErrorBits) {
    if (bits >> bit.lsb & 1) out += fmt::format("{}{}", out.empty() ? "" : ", ", bit.name);
    bits &= ~(1u << bit.lsb);
  }
  if (bits != 0) out += fmt::format("{}bits 0x{:x}", out.empty() ? "" : ", ", bits);
  return out.empty() ? "none" : out;
}

std::string describe(const Operation& what) {
  std::string out = what.layer < 0 ? "" : fmt::format("layer {} ", what.layer);
  out += spec::name_of(what.point);
  if (what.head >= 0) out += fmt::format(" of head {}", what.head);
  return out + fmt::format(" at position {}", what.position);
}

/// Lets the commands that are queued end, as far as they do, so that their trailers can be read.
void CommandStream::drain_after_error() {
  uint32_t polls = 0;
  while (static_cast<int32_t>(pushed_ - completed_) > 0 && polls < kDrainPolls) {
    if (!transport_.wait_interrupt(std::min(timeout_, kDrainCycles))) return;
    polls = poll() ? 0 : polls + 1;
  }
}

/// The command that the error is about: the product with illegal codes, else the first one whose
/// result did not arrive, else the oldest that was not done when the error showed.
const CommandStream::Pending& CommandStream::culprit(uint32_t& illegal) {
  const Pending* lost = nullptr;
  std::vector<uint32_t> trailer(chip_.act_columns + 2);
  for (const Pending& p : pending_) {
    if (!p.is_product) continue;
    const uint64_t at = p.result + uint64_t{p.shape.entries()} * spec::result_entry_bytes(chip_);
    transport_.read_memory(at, std::as_writable_bytes(std::span(trailer)));
    if (trailer.back() != p.tag) {
      if (lost == nullptr) lost = &p;
    } else if (trailer[chip_.act_columns] != 0) {
      illegal = trailer[chip_.act_columns];
      return p;
    }
  }
  const bool only_illegal = errors_ == kIllegalCode;
  if (lost != nullptr && !only_illegal) return *lost;
  const std::size_t oldest = before_error_ - batch_;
  return pending_[std::min(oldest, pending_.size() - 1)];
}

void CommandStream::fail_with_errors() {
  drain_after_error();
  uint32_t illegal = 0;
  const Pending& p = culprit(illegal);
  const uint32_t bits = errors_;
  // The chip reads ahead, so an error without a result to show for it may be of a later command.
  const std::string detail = illegal != 0 ? fmt::format("illegal T5 codes: {}, ", illegal)
                             : &p == &pending_.back()
                                 ? ""
                                 : fmt::format("here or in what was queued behind it up to {}, ",
                                               describe(pending_.back().what));
  fail(p, fmt::format("{}ERROR 0x{:x} ({}): {}", detail, bits, describe_errors(bits),
                      meaning_of(bits)));
}

void CommandStream::fail_with_timeout(std::string_view symptom) {
  const uint32_t status = transport_.read_register(reg::kStatus);
  const uint32_t errors = transport_.read_register(reg::kError) | errors_;
  const std::size_t oldest = completed_ - batch_;
  fail(
      pending_[std::min(oldest, pending_.size() - 1)],
      fmt::format("the chip {} within {} cycles; DONE {} of {}, STATUS 0x{:x}, ERROR 0x{:x} ({}); "
                  "give a longer time-out or reset the chip",
                  symptom, timeout_, completed_, pushed_, status, errors, describe_errors(errors)));
}

void CommandStream::fail(const Pending& p, std::string_view message) {
  const std::string where = fmt::format("chip {}: {} ({} at 0x{:x})", chip_.name, describe(p.what),
                                        !p.is_product                            ? "activations"
                                        : p.shape.layout == spec::Layout::kPlane ? "matrix"
                                                                                 : "values",
                                        p.address);
  sample_counters();
  const uint64_t low = transport_.read_register(reg::kCyclesLo);
  const uint64_t high = transport_.read_register(reg::kCyclesHi);
  cycles_before_reset_ += high << 32 | low;
  soft_reset();
  throw Error("{}: {}", where, message);
}

}  // namespace tern::driver
