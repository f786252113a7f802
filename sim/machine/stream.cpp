// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "io/error.hpp"
#include "machine.hpp"
#include "spec/generated/registers.hpp"
#include "spec/numerics/fixed.hpp"
#include "spec/numerics/t5.hpp"

/// LOAD, MATMUL and STORE: what moves between memory and the scratchpad.
namespace tern::sim {
namespace {

constexpr uint64_t kUnit = spec::kAddrUnit;

/// Trits of every code; illegal ones are zeros.
struct Digits {
  int8_t t[256][spec::kTritsPerByte];
  int32_t value[256];
};

const Digits& digits() {
  static const Digits all = [] {
    Digits d{};
    for (uint32_t code = 0; code < 256; ++code) {
      const spec::Trits trits = spec::t5_decode(static_cast<uint8_t>(code));
      std::memcpy(d.t[code], trits.t, sizeof trits.t);
      d.value[code] = spec::t5_decode_value(static_cast<uint8_t>(code));
    }
    return d;
  }();
  return all;
}

}  // namespace

void Machine::load(const spec::LoadCommand& c) {
  check(c.format < spec::kFormatCount, "format", c.format, "no format");
  const auto format = static_cast<spec::Format>(c.format);
  const uint64_t address = c.read_addr * kUnit;
  const uint64_t bytes = uint64_t{c.beats} * config_.columns;
  check(format != spec::Format::kTrit || config_.group_scales, "format", c.format,
        "this chip takes no embeddings of trits");
  check(c.beats > 0, "beats", c.beats, "at least 1");
  check(c.count > 0, "count", c.count, "at least 1");
  const uint64_t needed = format == spec::Format::kTrit   ? (c.count + 4) / 5
                          : format == spec::Format::kHalf ? uint64_t{2} * c.count
                                                          : uint64_t{4} * c.count;
  check(needed <= bytes, "count", c.count, "more elements than the beats hold");
  check_scratch("dst", c.dst, c.count);
  check_memory("read_addr * 64", address, bytes);
  ordering_.read_memory(address, needed);
  const std::byte* from = memory_at(address);
  if (format == spec::Format::kTrit) note_illegal({reinterpret_cast<const uint8_t*>(from), needed});
  for (uint32_t i = 0; i < c.count; ++i) {
    int32_t value = 0;
    if (format == spec::Format::kTrit) {
      value = digits().t[static_cast<uint8_t>(from[i / 5])][i % 5];
    } else if (format == spec::Format::kHalf) {
      int16_t small = 0;
      std::memcpy(&small, from + 2 * std::size_t{i}, 2);
      value = small;
    } else {
      std::memcpy(&value, from + 4 * std::size_t{i}, 4);
    }
    write_word("dst", c.dst + i, value);
  }
  counts_.load_beats += c.beats;
}

/// Counts illegal codes.
void Machine::note_illegal(std::span<const uint8_t> codes) {
  const auto illegal =
      std::ranges::count_if(codes, [](uint8_t code) { return !spec::t5_legal(code); });
  counts_.illegal += static_cast<uint64_t>(illegal);
  if (illegal != 0) error_ |= 1u << spec::reg::kErrorIllegalCodeLsb;
}

/// What MATMUL streams, in its own words: beats, and what they mean.
struct Machine::Stream {
  bool value, sign;
  uint32_t height;  ///< Rows of a stripe.
  uint32_t group;   ///< Tiles that share a scale; 0: none do.
  uint32_t tiles;
  uint64_t address;  ///< Of the next beat.
};

void Machine::check_matmul(const spec::MatmulCommand& c, const Stream& s) const {
  const uint64_t stride = uint64_t{c.dst_stride} * spec::kStrideUnit;
  const bool scaled = s.group != 0;
  check(c.layout < spec::kLayoutCount, "layout", c.layout, "no layout");
  check(c.group < spec::kGroupCount, "group", c.group, "no group");
  check(!scaled || (config_.group_scales && !s.value), "group", c.group,
        "the layout or the chip has no group scales");
  check(!s.sign || config_.sign_weights, "layout", c.layout, "the chip takes no signs");
  check(c.act_columns >= 1 && c.act_columns <= config_.act_columns, "act_columns", c.act_columns,
        "1 to M");
  check(c.cols >= 1, "cols", c.cols, "at least 1");
  check(c.act_tile + s.tiles <= config_.act_depth, "act_tile", c.act_tile,
        "the matrix leaves the activation buffer");
  check(c.planes >= 1 && c.planes <= (s.value || s.sign ? 1 : spec::kMaxPlanes), "planes", c.planes,
        "1 to 5, and 1 in the layouts Value and Sign");
  check(c.stripes >= 1, "stripes", c.stripes, "at least 1");
  check(!s.sign || c.stripes % 8 == 0, "stripes", c.stripes, "a multiple of 8 in the layout Sign");
  check(c.block >= 1 && c.block <= config_.acc_depth * (s.value ? spec::kTritsPerByte : 1), "block",
        c.block, "more than the accumulators hold, or 0");
  check(!s.value || c.block % spec::kTritsPerByte == 0 || c.stripes <= c.block, "block", c.block,
        "a multiple of 5 where there is more than one in the value layout");
  check(!s.sign || c.block % 8 == 0, "block", c.block, "a multiple of 8 in the layout Sign");
  check(c.rows >= 1 && c.rows <= uint64_t{c.stripes} * s.height, "rows", c.rows,
        "1 to what the stripes hold");
  uint64_t beats = 0;
  for (uint32_t first = 0; first < c.stripes; first += c.block) {
    const uint32_t length = std::min(c.block, c.stripes - first);
    beats += uint64_t{s.tiles} * c.planes * (s.sign ? length / 8 * 5 : length);
    const uint32_t words = (8 * length + config_.columns - 1) / config_.columns;
    if (scaled) beats += uint64_t{words} * ((s.tiles + s.group - 1) / s.group);
  }
  check(c.beats == beats, "beats", c.beats, "not what the shape streams");
  check(c.act_columns == 1 || stride >= c.rows, "dst_stride", c.dst_stride, "columns overlap");
  check_scratch("dst", c.dst, (c.act_columns - 1) * stride + c.rows);
  check(c.max_reg + c.act_columns <= spec::kScalarRegs, "max_reg", c.max_reg,
        "leaves the registers");
  check_memory("read_addr * 64", s.address, uint64_t{c.beats} * config_.columns);
}

/// The next beat, of which the first `live` bytes matter.
const uint8_t* Machine::next_beat(Stream& s, uint32_t live) {
  if (live != 0) ordering_.read_memory(s.address, live);
  const auto* beat = reinterpret_cast<const uint8_t*>(memory_at(s.address));
  s.address += config_.columns;
  return beat;
}

void Machine::matmul(const spec::MatmulCommand& c) {
  const auto layout = static_cast<spec::Layout>(c.layout);
  const uint32_t width = config_.columns;
  const uint32_t columns = c.act_columns;
  const uint32_t group_width = c.group == 0 ? 0 : c.group == 1 ? 64 : 128;
  Stream s{layout == spec::Layout::kValue,
           layout == spec::Layout::kSign,
           layout == spec::Layout::kValue ? 1 : spec::kTritsPerByte,
           group_width / width,
           (c.cols + width - 1) / width,
           c.read_addr * kUnit};
  check_matmul(c, s);
  for (uint32_t tile = c.act_tile; tile < c.act_tile + s.tiles; ++tile) {
    for (uint32_t m = 0; m < columns; ++m)
      ordering_.read(act_places_[std::size_t{tile} * config_.act_columns + m], "activation tile",
                     tile);
  }

  const std::size_t rows = std::size_t{c.stripes} * s.height;
  std::vector<int32_t> sums(rows * columns), part(rows * columns);
  std::vector<uint32_t> scales(rows, 1);
  // part to sums, with the scales of the group that has ended.
  const auto end_group = [&](uint32_t first, uint32_t end) {
    for (uint32_t m = 0; m < columns; ++m) {
      for (std::size_t row = std::size_t{first} * s.height; row < std::size_t{end} * s.height;
           ++row) {
        const int64_t sum =
            int64_t{sums[m * rows + row]} + int64_t{part[m * rows + row]} * scales[row];
        if (c.group != 0 && row < c.rows && std::abs(sum) > spec::kGroupedSumMax)
          throw Error("{}: row {} has a sum of {}, more than GroupedSumMax", ordering_.name(), row,
                      sum);
        sums[m * rows + row] = static_cast<int32_t>(sum);
        part[m * rows + row] = 0;
      }
    }
  };
  for (uint32_t first = 0; first < c.stripes; first += c.block) {
    const uint32_t end = std::min(first + c.block, c.stripes);
    for (uint32_t tile = 0; tile < s.tiles; ++tile) {
      if (s.group != 0 && tile % s.group == 0) {
        if (tile != 0) end_group(first, end);
        read_scales(s, {&scales[std::size_t{first} * 5], std::size_t{end - first} * 5});
      }
      const uint32_t live = std::min(width, c.cols - tile * width);
      for (uint32_t plane = 0; plane < c.planes; ++plane) {
        for (uint32_t stripe = first; stripe < end; stripe += s.sign ? 8 : 1) {
          const auto accumulate = [&](std::size_t row, uint32_t i, int32_t weight) {
            for (uint32_t m = 0; m < columns; ++m)
              part[m * rows + row] += weight * activations_[act_index(m, c.act_tile + tile) + i];
          };
          for (uint32_t beat = 0; beat < (s.sign ? 5u : 1u); ++beat) {
            const bool padding = s.value && stripe >= c.rows;
            const uint8_t* codes = next_beat(s, padding ? 0 : live);
            if (padding) continue;
            if (!s.sign) note_illegal({codes, live});
            for (uint32_t i = 0; i < live; ++i) {
              if (s.value) {
                accumulate(stripe, i, digits().value[codes[i]]);
              } else if (s.sign) {
                for (uint32_t bit = 0; bit < 8; ++bit)
                  accumulate(stripe * 5 + 8 * beat + bit, i, codes[i] >> bit & 1 ? 1 : -1);
              } else {
                for (uint32_t digit = 0; digit < 5; ++digit)
                  accumulate(stripe * 5 + digit, i,
                             digits().t[codes[i]][digit] * spec::kPow3[plane]);
              }
            }
          }
        }
      }
    }
    end_group(first, end);
  }
  for (uint32_t m = 0; m < columns; ++m) write_results(c, m, {&sums[m * rows], c.rows});
  counts_.beats += c.beats;
}

/// The sums of activation column m, and their maximum magnitude.
void Machine::write_results(const spec::MatmulCommand& c, uint32_t m,
                            std::span<const int32_t> sums) {
  for (uint32_t row = 0; row < c.rows; ++row)
    write_word("dst", c.dst + m * c.dst_stride * spec::kStrideUnit + row, sums[row]);
  write_scalar("max_reg", c.max_reg + m, spec::max_abs(sums.data(), static_cast<int>(c.rows)));
}

/// The scale words of a block's stripes, and the padding behind them.
void Machine::read_scales(Stream& s, std::span<uint32_t> scales) {
  const std::size_t bytes = scales.size() / 5 * 8;
  std::vector<uint8_t> words;
  while (words.size() < bytes) {
    const auto live =
        static_cast<uint32_t>(std::min<std::size_t>(config_.columns, bytes - words.size()));
    const uint8_t* beat = next_beat(s, live);
    words.insert(words.end(), beat, beat + live);
  }
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const std::size_t bit = i / 5 * 64 + i % 5 * 12;
    const uint32_t pair = words[bit / 8] | words[bit / 8 + 1] << 8;
    scales[i] = pair >> bit % 8 & 0xfff;
  }
}

void Machine::store(const spec::StoreCommand& c) {
  const bool code = c.format == static_cast<uint32_t>(spec::StoreFormat::kCode);
  const uint64_t size = code ? 1 : 4;
  const uint64_t width = config_.columns;
  const uint64_t first = uint64_t{c.addr_high} << 32 | c.addr_low;
  check(c.count >= 1, "count", c.count, "at least 1");
  check(c.rows >= 1, "rows", c.rows, "at least 1");
  check(c.beat_stride >= 1, "beat_stride", c.beat_stride, "at least 1");
  check(first % size == 0, "addr", first, "not a multiple of the element's size");
  check_scratch("src", c.src, uint64_t{c.rows - 1} * c.src_stride + c.count);
  for (uint32_t row = 0; row < c.rows; ++row) {
    const uint64_t start = first + uint64_t{row} * c.row_stride * kUnit;
    uint64_t beat = start / width;
    uint64_t byte = start % width;
    ++counts_.store_beats;
    for (uint32_t i = 0; i < c.count; ++i) {
      const uint32_t word = c.src + row * c.src_stride + i;
      // Padding to whole beats may be anything.
      const bool padding = !code && scratch_places_[word].writer_unit == Place::kNobody;
      const int32_t value = padding ? scratch_[word] : read_word("src", word);
      const uint64_t address = beat * width + byte;
      check_memory("addr", address, size);
      ordering_.write_memory(address, size);
      if (code) {
        if (value < -static_cast<int32_t>(spec::kValueMax) ||
            value > static_cast<int32_t>(spec::kValueMax))
          throw Error("{}: row {} element {} is {}, no value of the value layout", ordering_.name(),
                      row, i, value);
        *memory_at(address) = static_cast<std::byte>(spec::t5_pack_value(value));
      } else {
        std::memcpy(memory_at(address), &value, 4);
      }
      byte += size;
      const bool ends = c.scatter || byte == width;
      if (ends) {
        beat += c.beat_stride;
        byte = c.scatter ? start % width : 0;
        if (i + 1 < c.count) ++counts_.store_beats;
      }
    }
  }
}

}  // namespace tern::sim
