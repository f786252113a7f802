// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "command_bench.hpp"

/// Reads and writes of the whole chip over all addresses that its commands can name: from the
/// command's field to the bus, nothing drops a high bit or a carry. The memory is sparse: only what
/// is written takes room.
namespace tern::test {
namespace {

constexpr uint64_t kAddresses = uint64_t{1} << spec::kAddrBits;
/// A read names units of 64 bytes with 32 bits.
constexpr uint64_t kReadable = uint64_t{spec::kAddrUnit} << 32;
constexpr uint32_t kWords = 256;
constexpr uint64_t kBytes = 4 * kWords;

class ChipAddresses : public testing::TestWithParam<const char*> {
 protected:
  ChipAddresses() : bench({GetParam(), "fast", {}, {}}, 64) {
    bench.chip.reserve_memory(kAddresses);
  }

  /// Straight to the chip, whose memory is larger than the machine's.
  void give(const spec::CommandWords& words, spec::Unit unit) {
    for (uint32_t i = 0; i < spec::kCommandWords; ++i)
      bench.write_device(spec::mmio::cmd::word(i), words.w[i]);
    bench.write_device(spec::mmio::kIssue, 1);
    ++bench.issued[static_cast<std::size_t>(unit)];
  }
  template <typename Command>
  Command after_all(Command c) {
    bench.after_all(c, random_);
    return c;
  }

  /// Reads kBytes from one place and writes them to another; both are whole.
  void copy(uint64_t from, uint64_t to) {
    std::vector<std::byte> data(kBytes);
    for (std::byte& b : data) b = static_cast<std::byte>(random_());
    bench.chip.write_memory(from, data);
    spec::LoadCommand load;
    load.read_addr = static_cast<uint32_t>(from / spec::kAddrUnit);
    load.beats = static_cast<uint32_t>(kBytes / bench.chip.config().columns);
    load.count = kWords;
    give(after_all(load).pack(), spec::Unit::kLoad);
    spec::StoreCommand store;
    store.addr_low = static_cast<uint32_t>(to);
    store.addr_high = static_cast<uint32_t>(to >> 32);
    store.count = kWords;
    store.rows = store.beat_stride = 1;
    give(after_all(store).pack(), spec::Unit::kStore);
    const uint32_t done = spec::mmio::done::kLoad.put(bench.issued[0] % 256) |
                          spec::mmio::done::kStore.put(bench.issued[3] % 256);
    for (int i = 0; bench.read_device(spec::mmio::kDone) != done; ++i)
      ASSERT_LT(i, 1000) << from << " to " << to;
    ASSERT_EQ(bench.errors(), 0u) << from << " to " << to;
    std::vector<std::byte> found(kBytes);
    bench.chip.read_memory(to, found);
    ASSERT_EQ(found, data) << from << " to " << to;
  }

  CommandBench bench;

 private:
  std::mt19937_64 random_{2};
};
INSTANTIATE_TEST_SUITE_P(Chips, ChipAddresses, testing::Values("nano", "edge"));

/// The ends of a range, and what lies half on either side of each power of two, alone and with ones
/// in all higher bits.
std::vector<uint64_t> lines(uint64_t range) {
  std::vector<uint64_t> out = {0, range - kBytes};
  for (uint64_t line = 4096; line < range; line *= 2) {
    out.push_back(line - kBytes / 2);
    out.push_back(range - line - kBytes / 2);
  }
  return out;
}

TEST_P(ChipAddresses, CopiesAcrossEveryPowerOfTwo) {
  const std::vector<uint64_t> from = lines(kReadable), to = lines(kAddresses);
  for (std::size_t i = 0; i < to.size(); ++i) {
    copy(from[i % from.size()], to[to.size() - 1 - i]);
    ASSERT_FALSE(HasFatalFailure());
  }
}

TEST_P(ChipAddresses, CopiesBetweenRandomPlaces) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 60; ++i) {
    // Reads are of whole units; a word may be written anywhere.
    const uint64_t from = random() % (kReadable - kBytes) / spec::kAddrUnit * spec::kAddrUnit;
    copy(from, random() % (kAddresses - kBytes) / 4 * 4);
    ASSERT_FALSE(HasFatalFailure());
  }
}

}  // namespace
}  // namespace tern::test
