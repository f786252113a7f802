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

Digits make_digits() {
  Digits d{};
  for (uint32_t code = 0; code < 256; ++code) {
    const spec::Trits trits = spec::t5_decode(static_cast<uint8_t>(code));
    std::memcpy(d.t[code], trits.t, sizeof trits.t);
    d.value[code] = spec::t5_decode_value(static_cast<uint8_t>(code));
  }
  return d;
}

}  // namespace

void Machine::load(const spec::LoadCommand& c) {
  const bool half = c.format == static_cast<uint32_t>(spec::Format::kHalf);
  const uint64_t size = half ? 2 : 4;
  const uint64_t address = c.read_addr * kUnit;
  const uint64_t bytes = uint64_t{c.beats} * config_.columns;
  check(c.beats > 0, "beats", c.beats, "at least 1");
  check(c.count > 0, "count", c.count, "at least 1");
  check(c.count * size <= bytes, "count", c.count, "more elements than the beats hold");
  check_scratch("dst", c.dst, c.count);
  check_memory("read_addr * 64", address, bytes);
  ordering_.read_memory(address, c.count * size);
  for (uint32_t i = 0; i < c.count; ++i) {
    const std::byte* from = memory_.data() + address + i * size;
    int32_t value = 0;
    if (half) {
      int16_t small = 0;
      std::memcpy(&small, from, 2);
      value = small;
    } else {
      std::memcpy(&value, from, 4);
    }
    write_word("dst", c.dst + i, value);
  }
  counts_.load_beats += c.beats;
}

void Machine::matmul(const spec::MatmulCommand& c) {
  static const Digits digits = make_digits();
  const bool value = c.layout == static_cast<uint32_t>(spec::Layout::kValue);
  const uint32_t width = config_.columns;
  const uint32_t height = value ? 1 : spec::kTritsPerByte;
  const uint32_t columns = c.act_columns;
  const uint64_t stride = uint64_t{c.dst_stride} * spec::kStrideUnit;
  check(columns >= 1 && columns <= config_.act_columns, "act_columns", columns, "1 to M");
  check(c.cols >= 1, "cols", c.cols, "at least 1");
  const uint32_t tiles = (c.cols + width - 1) / width;
  check(c.act_tile + tiles <= config_.act_depth, "act_tile", c.act_tile,
        "the matrix leaves the activation buffer");
  check(c.planes >= 1 && c.planes <= (value ? 1 : spec::kMaxPlanes), "planes", c.planes,
        "1 to 5, and 1 in the value layout");
  check(c.stripes >= 1, "stripes", c.stripes, "at least 1");
  check(c.block >= 1 && c.block <= config_.acc_depth * (value ? spec::kTritsPerByte : 1), "block",
        c.block, "more than the accumulators hold, or 0");
  check(!value || c.block % spec::kTritsPerByte == 0 || c.stripes <= c.block, "block", c.block,
        "a multiple of 5 where there is more than one in the value layout");
  check(c.rows >= 1 && c.rows <= uint64_t{c.stripes} * height, "rows", c.rows,
        "1 to what the stripes hold");
  check(c.beats == uint64_t{tiles} * c.planes * c.stripes, "beats", c.beats,
        "not tiles * planes * stripes");
  check(columns == 1 || stride >= c.rows, "dst_stride", c.dst_stride, "columns overlap");
  check_scratch("dst", c.dst, (columns - 1) * stride + c.rows);
  check(c.max_reg + columns <= spec::kScalarRegs, "max_reg", c.max_reg, "leaves the registers");
  uint64_t address = c.read_addr * kUnit;
  check_memory("read_addr * 64", address, uint64_t{c.beats} * width);
  for (uint32_t tile = c.act_tile; tile < c.act_tile + tiles; ++tile) {
    for (uint32_t m = 0; m < columns; ++m)
      ordering_.read(act_places_[std::size_t{tile} * config_.act_columns + m], "activation tile",
                     tile);
  }

  std::vector<int32_t> sums(std::size_t{c.stripes} * height * columns);
  for (uint32_t first = 0; first < c.stripes; first += c.block) {
    const uint32_t end = std::min(first + c.block, c.stripes);
    for (uint32_t tile = 0; tile < tiles; ++tile) {
      const uint32_t live = std::min(width, c.cols - tile * width);
      for (uint32_t plane = 0; plane < c.planes; ++plane) {
        for (uint32_t stripe = first; stripe < end; ++stripe, address += width) {
          if (value && stripe >= c.rows) continue;
          ordering_.read_memory(address, live);
          const auto* codes = reinterpret_cast<const uint8_t*>(memory_.data() + address);
          for (uint32_t i = 0; i < live; ++i) counts_.illegal += spec::t5_legal(codes[i]) ? 0 : 1;
          if (std::any_of(codes, codes + live, [](uint8_t code) { return !spec::t5_legal(code); }))
            error_ |= 1u << spec::reg::kErrorIllegalCodeLsb;
          for (uint32_t m = 0; m < columns; ++m) {
            const int8_t* x = &activations_[act_index(m, c.act_tile + tile)];
            int32_t* out = &sums[(std::size_t{m} * c.stripes + stripe) * height];
            for (uint32_t i = 0; i < live; ++i) {
              if (value) {
                out[0] += digits.value[codes[i]] * x[i];
                continue;
              }
              const int32_t scaled = x[i] * spec::kPow3[plane];
              for (uint32_t b = 0; b < spec::kTritsPerByte; ++b)
                out[b] += digits.t[codes[i]][b] * scaled;
            }
          }
        }
      }
    }
  }
  for (uint32_t m = 0; m < columns; ++m) {
    const int32_t* column = &sums[std::size_t{m} * c.stripes * height];
    for (uint32_t row = 0; row < c.rows; ++row)
      write_word("dst", c.dst + static_cast<uint32_t>(m * stride) + row, column[row]);
    write_scalar("max_reg", c.max_reg + m, spec::max_abs(column, static_cast<int>(c.rows)));
  }
  counts_.beats += c.beats;
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
        memory_[address] = static_cast<std::byte>(spec::t5_pack_value(value));
      } else {
        std::memcpy(memory_.data() + address, &value, 4);
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
