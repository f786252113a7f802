// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "../system/clocked.hpp"
#include "Vmemory_region.h"

namespace tern::test {
namespace {

constexpr uint32_t kBase = 0x1000, kSize = 0x1004;
constexpr uint32_t kOkay = 0, kSlave = 2;
constexpr uint64_t kMib = uint64_t{1} << 20;

struct Reply {
  uint32_t response;
  uint32_t data;
};

/// The window between a host that is never in a hurry and a chip whose registers answer after
/// random times.
class MemoryRegion : public testing::Test {
 protected:
  static constexpr int kPatience = 500;

  MemoryRegion() {
    block->s_axil_awvalid_i = block->s_axil_wvalid_i = block->s_axil_bready_i = 0;
    block->s_axil_arvalid_i = block->s_axil_rready_i = 0;
    block->chip_arvalid_i = block->chip_awvalid_i = 0;
    block->mem_arready_i = block->mem_awready_i = 1;
    block->m_axil_bvalid_i = block->m_axil_rvalid_i = 0;
    block.reset();
  }

  /// A cycle of the chip's side: takes addresses and data apart from each other, and answers later.
  void tick() {
    block->m_axil_awready_i = dice.chance(0.3);
    block->m_axil_wready_i = dice.chance(0.3);
    block->m_axil_arready_i = dice.chance(0.3);
    const bool answers = address && data && dice.chance(0.3);
    block->m_axil_bvalid_i = answering || answers;
    block->m_axil_bresp_i = address.value_or(0) == 0xffc ? kSlave : kOkay;
    block->m_axil_rvalid_i = reading.has_value() && (offering || dice.chance(0.3));
    block->m_axil_rdata_i = reading ? registers[*reading] : 0xdeadbeef;
    block->m_axil_rresp_i = reading.value_or(0) == 0xffc ? kSlave : kOkay;
    block.settle();
    answering = block->m_axil_bvalid_i && !block->m_axil_bready_o;
    offering = block->m_axil_rvalid_i && !block->m_axil_rready_o;
    if (block->m_axil_bvalid_i && block->m_axil_bready_o) {
      registers[*address] = *data;
      ++writes;
      address.reset();
      data.reset();
    }
    if (block->m_axil_rvalid_i && block->m_axil_rready_o) reading.reset();
    if (block->m_axil_awvalid_o && block->m_axil_awready_i) address = block->m_axil_awaddr_o;
    if (block->m_axil_wvalid_o && block->m_axil_wready_i) data = block->m_axil_wdata_o;
    if (block->m_axil_arvalid_o && block->m_axil_arready_i) reading = block->m_axil_araddr_o;
    block.tick();
  }

  uint32_t write(uint32_t at, uint32_t value, uint32_t strobe = 15) {
    block->s_axil_awaddr_i = at;
    block->s_axil_wdata_i = value;
    block->s_axil_wstrb_i = strobe;
    bool sent_address = false, sent_data = false;
    const int late = static_cast<int>(dice.between(0, 4)),
              first = static_cast<int>(dice.between(0, 1));
    for (int i = 0; i < kPatience; ++i) {
      block->s_axil_awvalid_i = !sent_address && (first == 0 || i >= late);
      block->s_axil_wvalid_i = !sent_data && (first == 1 || i >= late);
      block->s_axil_bready_i = dice.chance(0.5);
      block.settle();
      sent_address |= block->s_axil_awvalid_i && block->s_axil_awready_o;
      sent_data |= block->s_axil_wvalid_i && block->s_axil_wready_o;
      const bool done = block->s_axil_bvalid_o && block->s_axil_bready_i;
      const uint32_t response = block->s_axil_bresp_o;
      tick();
      if (done) {
        EXPECT_TRUE(sent_address && sent_data);
        block->s_axil_bready_i = 0;
        return response;
      }
    }
    ADD_FAILURE() << "no answer to a write of " << at;
    return ~0u;
  }

  Reply read(uint32_t at) {
    block->s_axil_araddr_i = at;
    bool sent = false;
    for (int i = 0; i < kPatience; ++i) {
      block->s_axil_arvalid_i = !sent;
      block->s_axil_rready_i = dice.chance(0.5);
      block.settle();
      sent |= block->s_axil_arvalid_i && block->s_axil_arready_o;
      const Reply reply{block->s_axil_rresp_o, block->s_axil_rdata_o};
      const bool done = block->s_axil_rvalid_o && block->s_axil_rready_i;
      tick();
      if (done) {
        block->s_axil_rready_i = 0;
        return reply;
      }
    }
    ADD_FAILURE() << "no answer to a read of " << at;
    return {~0u, 0};
  }

  void open(uint64_t base_mib, uint64_t size_mib) {
    ASSERT_EQ(write(kBase, static_cast<uint32_t>(base_mib)), kOkay);
    ASSERT_EQ(write(kSize, 0x80000000u | static_cast<uint32_t>(size_mib - 1)), kOkay);
  }

  Clocked<Vmemory_region> block;
  Dice dice{9};
  std::map<uint32_t, uint32_t> registers;
  std::optional<uint32_t> address, data, reading;
  bool answering = false, offering = false;
  uint64_t writes = 0;
};

TEST_F(MemoryRegion, PassesTheChipsRegistersOn) {
  std::map<uint32_t, uint32_t> expected;
  for (int i = 0; i < 300; ++i) {
    const uint32_t at = 4 * static_cast<uint32_t>(dice.between(0, 1022));
    if (dice.chance(0.5)) {
      const uint32_t value = static_cast<uint32_t>(dice.between(0, ~0u));
      EXPECT_EQ(write(at, value), kOkay);
      expected[at] = value;
    } else {
      const Reply reply = read(at);
      EXPECT_EQ(reply.response, kOkay);
      EXPECT_EQ(reply.data, expected[at]) << at;
    }
  }
  EXPECT_GT(writes, 100u);
}

TEST_F(MemoryRegion, PassesTheChipsErrorsOn) {
  EXPECT_EQ(write(0xffc, 1), kSlave);
  EXPECT_EQ(read(0xffc).response, kSlave);
}

TEST_F(MemoryRegion, KeepsItsOwnRegistersFromTheChip) {
  EXPECT_EQ(read(kSize).data >> 31, 0u);
  open(0x12345, 512);
  EXPECT_EQ(read(kBase).data, 0x12345u);
  EXPECT_EQ(read(kSize).data, 0x80000000u | 511);
  EXPECT_EQ(writes, 0u);
}

TEST_F(MemoryRegion, RefusesAddressesThatAreNotThereAndPartialWrites) {
  open(7, 4);
  EXPECT_EQ(write(0x1008, 1), kSlave);
  EXPECT_EQ(write(0x1ffc, 1), kSlave);
  EXPECT_EQ(write(kBase, 99, 7), kSlave);
  EXPECT_EQ(read(0x1008).response, kSlave);
  EXPECT_EQ(read(kBase).data, 7u);
  EXPECT_EQ(writes, 0u);
}

TEST_F(MemoryRegion, HoldsTheChipUntilItIsEnabled) {
  block->chip_arvalid_i = block->chip_awvalid_i = 1;
  block->chip_araddr_i = block->chip_awaddr_i = 64;
  const auto nothing_passes = [&] {
    for (int i = 0; i < 20; ++i) {
      block.settle();
      EXPECT_FALSE(block->mem_arvalid_o || block->chip_arready_o || block->mem_awvalid_o ||
                   block->chip_awready_o);
      tick();
    }
  };
  nothing_passes();
  EXPECT_EQ(write(kBase, 3), kOkay);
  nothing_passes();
  EXPECT_EQ(write(kSize, 0x80000000u), kOkay);
  block.settle();
  EXPECT_TRUE(block->mem_arvalid_o && block->chip_arready_o && block->mem_awvalid_o &&
              block->chip_awready_o);
  EXPECT_EQ(block->mem_araddr_o, 3 * kMib + 64);
}

TEST_F(MemoryRegion, LetsTheChipReachNothingOutside) {
  for (int i = 0; i < 200; ++i) {
    const uint64_t size = uint64_t{1} << dice.between(0, 12);
    const uint64_t base = dice.between(0, (uint64_t{1} << 20) - 1 - size);
    open(base, size);
    for (int k = 0; k < 20; ++k) {
      const uint64_t a = dice.between(0, (uint64_t{1} << 40) - 1),
                     b = dice.between(0, size * kMib - 1);
      block->chip_araddr_i = a;
      block->chip_awaddr_i = b;
      block.settle();
      EXPECT_EQ(block->mem_araddr_o, base * kMib + a % (size * kMib));
      EXPECT_EQ(block->mem_awaddr_o, base * kMib + b);
    }
  }
}

}  // namespace
}  // namespace tern::test
