#include "functional_chip.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "spec/generated/registers.hpp"

namespace tern::test {
namespace {

namespace reg = spec::reg;

constexpr uint64_t kUnit = 64;

uint32_t bits(uint32_t word, uint32_t high, uint32_t low) {
  return word >> low & ((1u << (high - low + 1)) - 1);
}

}  // namespace

FunctionalChip::FunctionalChip(const spec::ChipConfig& config) : config_(config) {
  activations_.resize(config.act_columns);
  for (auto& column : activations_) column.resize(std::size_t{config.act_depth} * config.columns);
  for (int code = 0; code < 256; ++code) {
    std::array<int8_t, 5> trits{};
    for (int i = 0, rest = code; i < 5 && code <= 242; ++i, rest /= 3)
      trits[static_cast<std::size_t>(i)] = static_cast<int8_t>(rest % 3 - 1);
    digits_.push_back(trits);
  }
}

void FunctionalChip::reserve_memory(uint64_t bytes) {
  // What was never written is illegal as T5 and would be noticed.
  if (bytes > memory_.size()) memory_.resize(bytes, std::byte{0xff});
}

void FunctionalChip::write_memory(uint64_t address, std::span<const std::byte> data) {
  if (address + data.size() > memory_.size()) throw std::out_of_range("write_memory");
  std::copy(data.begin(), data.end(), memory_.begin() + static_cast<std::ptrdiff_t>(address));
}

void FunctionalChip::read_memory(uint64_t address, std::span<std::byte> data) {
  if (address + data.size() > memory_.size()) throw std::out_of_range("read_memory");
  std::memcpy(data.data(), memory_.data() + address, data.size());
}

void FunctionalChip::soft_reset() {
  queue_.clear();
  words_ = {};
  done_ = irq_ack_ = error_ = 0;
  beats_ = load_beats_ = result_beats_ = 0;
}

void FunctionalChip::write_register(uint32_t offset, uint32_t value) {
  if (offset == reg::kCtrl && (value & 1)) soft_reset();
  if (offset == reg::kError) error_ &= ~value;
  if (offset == reg::kIrqAck) irq_ack_ = value;
  if (offset >= reg::kCmd && offset < reg::kCmd + 32) words_[(offset - reg::kCmd) / 4] = value;
  if (offset == reg::kDoorbell && (value & 1)) {
    if (queue_.size() == config_.cmd_depth) {
      error_ |= 1u << reg::kErrorQueueOverflowLsb;
    } else {
      queue_.push_back(words_);
      deepest_queue_ = std::max(deepest_queue_, static_cast<uint32_t>(queue_.size()));
    }
  }
}

uint32_t FunctionalChip::read_register(uint32_t offset) {
  switch (offset) {
    case reg::kId:
      return id != 0 ? id : reg::kIdReset;
    case reg::kVersion:
      return reg::kVersionReset;
    case reg::kConfig:
      return config_.columns | config_.act_columns << 8 | config_.acc_depth << 16;
    case reg::kConfig2:
      return config_.act_depth | config_.cmd_depth << 16;
    case reg::kStatus:
      return (queue_.empty() ? 0u : 1u) | (error_ != 0 ? 2u : 0u) |
             (config_.cmd_depth - static_cast<uint32_t>(queue_.size())) << 8;
    case reg::kError:
      return error_;
    case reg::kDone:
      return done_;
    case reg::kIrqAck:
      return irq_ack_;
    case reg::kCyclesLo:
      return static_cast<uint32_t>(cycles());
    case reg::kBeats:
      return static_cast<uint32_t>(beats_) + counter_offset;
    case reg::kLoadBeats:
      return static_cast<uint32_t>(load_beats_) + counter_offset;
    case reg::kResultBeats:
      return static_cast<uint32_t>(result_beats_) + counter_offset;
    default:
      return 0;
  }
}

bool FunctionalChip::wait_interrupt(uint64_t) {
  if (interrupt()) return true;
  if (queue_.empty() || commands_ >= hang_after) return false;
  if (commands_ == stop_on_shape_error) {
    error_ |= 1u << reg::kErrorBadCommandLsb;
    hang_after = 0;
    return true;
  }
  const Words command = queue_.front();
  queue_.pop_front();
  ++commands_;
  execute(command);
  ++done_;
  return true;
}

bool FunctionalChip::legal(const Words& w) const {
  const uint32_t opcode = bits(w[0], 7, 0);
  const uint32_t m = bits(w[0], 19, 16);
  if (m < 1 || m > config_.act_columns || w[4] == 0) return false;
  const uint64_t tiles = (uint64_t{w[4]} + config_.columns - 1) / config_.columns;
  if (tiles > config_.act_depth) return false;
  if (opcode == 1) return w[2] == m * tiles;
  if (opcode != 2) return false;
  const bool value = bits(w[0], 8, 8) == 1;
  const uint32_t planes = bits(w[0], 11, 9);
  const uint32_t block = w[5];
  const uint32_t stripes = w[6];
  if (planes < 1 || planes > 5 || (value && planes != 1)) return false;
  if (block == 0 || block > (value ? 5 * config_.acc_depth : config_.acc_depth)) return false;
  if (value && block % 5 != 0 && stripes > block) return false;
  if (w[3] == 0 || w[3] > (value ? stripes : 5 * stripes)) return false;
  return w[2] == tiles * planes * stripes;
}

void FunctionalChip::execute(const Words& w) {
  if (!legal(w)) {
    error_ |= 1u << reg::kErrorBadCommandLsb;
  } else if (bits(w[0], 7, 0) == 1) {
    load_activations(w);
  } else {
    multiply(w);
  }
}

/// The next beat; `address` moves on.
std::span<const uint8_t> FunctionalChip::beat(uint64_t& address) {
  const uint32_t width = config_.columns;
  if (bad_read && *bad_read >= address && *bad_read < address + width)
    error_ |= 1u << reg::kErrorBusReadLsb;
  if (address + width > memory_.size()) throw std::out_of_range("beat");
  const auto* data = reinterpret_cast<const uint8_t*>(memory_.data() + address);
  address += width;
  return {data, width};
}

void FunctionalChip::load_activations(const Words& w) {
  uint64_t address = w[1] * kUnit;
  const uint32_t m = bits(w[0], 19, 16);
  const uint32_t tiles = w[2] / m;
  for (uint32_t column = 0; column < m; ++column) {
    for (uint32_t tile = 0; tile < tiles; ++tile, ++load_beats_) {
      const auto from = beat(address);
      std::memcpy(&activations_[column][std::size_t{tile} * config_.columns], from.data(),
                  from.size());
    }
  }
}

void FunctionalChip::multiply(const Words& w) {
  const bool value = bits(w[0], 8, 8) == 1;
  const uint32_t planes = bits(w[0], 11, 9);
  const uint32_t m = bits(w[0], 19, 16);
  const uint32_t width = config_.columns;
  const uint32_t tiles = (w[4] + width - 1) / width;
  const uint32_t height = value ? 1 : 5;
  std::vector<std::vector<int32_t>> rows(std::size_t{w[6]} * height,
                                         std::vector<int32_t>(config_.act_columns));
  uint64_t address = w[1] * kUnit;
  uint32_t illegal = 0;
  for (uint32_t first = 0; first < w[6]; first += w[5]) {
    const uint32_t length = std::min(w[5], w[6] - first);
    for (uint32_t tile = 0; tile < tiles; ++tile) {
      for (uint32_t plane = 0, weight = 1; plane < planes; ++plane, weight *= 3) {
        for (uint32_t stripe = first; stripe < first + length; ++stripe, ++beats_) {
          const auto codes = beat(address);
          const uint32_t live = std::min(width, w[4] - tile * width);
          for (uint32_t c = 0; c < live; ++c) {
            const auto& t = digits_[codes[c]];
            if (codes[c] > 242 && (!value || stripe < w[3])) ++illegal;
            for (uint32_t column = 0; column < m; ++column) {
              const int32_t x = activations_[column][std::size_t{tile} * width + c];
              const int32_t scaled = x * static_cast<int32_t>(weight);
              if (value) {
                const int v = t[0] + 3 * t[1] + 9 * t[2] + 27 * t[3] + 81 * t[4];
                rows[stripe][column] += v * x;
              } else {
                for (uint32_t i = 0; i < 5; ++i)
                  rows[std::size_t{stripe} * 5 + i][column] += t[i] * scaled;
              }
            }
          }
        }
      }
    }
  }
  rows.resize(w[3]);
  if (illegal != 0) error_ |= 1u << reg::kErrorIllegalCodeLsb;
  // Entries of a row block are whole, so rows count on over blocks.
  rows.resize(value ? (w[6] + 4) / 5 * 5 : std::size_t{w[6]} * 5,
              std::vector<int32_t>(config_.act_columns));
  write_results(w, rows, illegal);
}

void FunctionalChip::write_results(const Words& w, const std::vector<std::vector<int32_t>>& rows,
                                   uint32_t illegal) {
  const uint32_t width = config_.act_columns;
  const uint64_t entry = (20 * width + config_.columns - 1) / config_.columns * config_.columns;
  uint64_t address = w[7] * kUnit;
  std::vector<uint32_t> trailer(width);
  for (std::size_t row = 0; row < rows.size(); row += 5, address += entry) {
    std::vector<uint32_t> words;
    for (std::size_t b = row; b < row + 5; ++b) {
      for (uint32_t column = 0; column < width; ++column) {
        const int64_t v = rows[b][column];
        trailer[column] = std::max(trailer[column], static_cast<uint32_t>(v < 0 ? -v : v));
        words.push_back(static_cast<uint32_t>(v));
      }
    }
    if (row == 0) words[0] ^= result_xor;
    write_entry(address, std::move(words));
  }
  trailer.push_back(illegal);
  trailer.push_back(bits(w[0], 31, 24));
  write_entry(address, std::move(trailer));
}

void FunctionalChip::write_entry(uint64_t address, std::vector<uint32_t> words) {
  words.resize(5 * config_.act_columns);
  const uint64_t bytes = 4 * words.size();
  result_beats_ += (bytes + config_.columns - 1) / config_.columns;
  if (address >= bad_writes_from) {
    error_ |= 1u << reg::kErrorBusWriteLsb;
    return;
  }
  if (drop_results) return;
  write_memory(address, std::as_bytes(std::span(words)));
}

}  // namespace tern::test
