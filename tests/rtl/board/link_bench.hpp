// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "../system/clocked.hpp"
#include "axi_memory.hpp"
#include "link_frames.hpp"

namespace tern::test {

/// The two buses behind a host link: registers that remember every write, and a memory.
/// Registers from kBadRegister on answer with SLVERR.
template <typename Block>
class LinkBuses {
 public:
  static constexpr uint64_t kMemoryBytes = 1 << 20;
  static constexpr uint32_t kBadRegister = 0xf00;

  explicit LinkBuses(uint64_t seed)
      : memory(storage, {.read_latency = 9, .stall = 0.2, .seed = seed}) {
    storage.reserve(kMemoryBytes);
  }

  void drive(Block& block) {
    memory.drive(block);
    block.m_axil_awready_i = block.m_axil_wready_i = 0;
    block.m_axil_arready_i = 1;
  }

  /// Register writes are taken when address and data are there, as the chip does.
  void settle(Block& block) {
    const bool write = block.m_axil_awvalid_o && block.m_axil_wvalid_o && !block.m_axil_bvalid_i;
    block.m_axil_awready_i = block.m_axil_wready_i = write;
  }

  void collect(Block& block) {
    memory.collect(block);
    const bool write = block.m_axil_awready_i;
    const bool answered = block.m_axil_bvalid_i && block.m_axil_bready_o;
    const bool read = block.m_axil_rvalid_i && block.m_axil_rready_o;
    next_b = write || (block.m_axil_bvalid_i && !answered);
    if (write) {
      const uint32_t address = block.m_axil_awaddr_o;
      EXPECT_EQ(block.m_axil_wstrb_o, 15);
      writes.emplace_back(address, block.m_axil_wdata_o);
      b_response = address >= kBadRegister ? 2 : 0;
      if (b_response == 0) registers[address / 4] = block.m_axil_wdata_o;
    }
    next_r = block.m_axil_arvalid_o || (block.m_axil_rvalid_i && !read);
    if (block.m_axil_arvalid_o) {
      const uint32_t address = block.m_axil_araddr_o;
      r_response = address >= kBadRegister ? 2 : 0;
      r_data = registers[address / 4];
    }
  }

  void after_edge(Block& block) {
    block.m_axil_bvalid_i = next_b;
    block.m_axil_bresp_i = b_response;
    block.m_axil_rvalid_i = next_r;
    block.m_axil_rresp_i = r_response;
    block.m_axil_rdata_i = r_data;
  }

  uint8_t byte(uint64_t address) { return static_cast<uint8_t>(storage.data()[address]); }

  sim::MemoryStorage storage;
  sim::AxiMemory<Block, 8> memory;
  std::array<uint32_t, 1024> registers{};
  std::vector<std::pair<uint32_t, uint32_t>> writes;  ///< Of registers: address, value.

 private:
  bool next_b = false, next_r = false;
  uint8_t b_response = 0, r_response = 0;
  uint32_t r_data = 0;
};

/// A host link at byte level.
template <typename Block>
class LinkBench {
 public:
  explicit LinkBench(uint64_t seed) : buses(seed), dice(seed) {
    block->byte_valid_i = block->byte_error_i = block->irq_i = 0;
    block->byte_ready_i = 1;
    block->m_axil_bvalid_i = block->m_axil_rvalid_i = 0;
    block->m_axi_rvalid_i = block->m_axi_bvalid_i = 0;
    block.reset();
  }

  /// One cycle; a byte, or -1 for none, or kBroken.
  static constexpr int kBroken = 256;
  void step(int byte = -1) {
    block->byte_valid_i = byte >= 0 && byte < 256;
    block->byte_error_i = byte == kBroken;
    block->byte_i = static_cast<uint8_t>(byte);
    block->byte_ready_i = send_rate >= 1 || dice.chance(send_rate);
    buses.drive(*block);
    block.settle();
    buses.settle(*block);
    block.settle();
    if (block->byte_valid_o && block->byte_ready_i) sent.push_back(block->byte_o);
    buses.collect(*block);
    block.tick();
    buses.after_edge(*block);
  }

  void send(const Bytes& bytes, uint32_t gap = 3) {
    for (const uint8_t byte : bytes) {
      step(byte);
      for (uint32_t i = 0; i < gap; ++i) step();
    }
  }

  /// The next reply; none within the limit is a failure.
  Reply reply(uint64_t limit = 40000) {
    for (uint64_t i = 0; i < limit; ++i) {
      if (auto found = take_reply(sent)) return *found;
      for (int k = 0; k < 16; ++k) step();
    }
    ADD_FAILURE() << "no reply";
    return {spec::LinkOpcode::kNone, 0, spec::LinkStatus::kDamaged, false, 0, {}};
  }

  Reply ask(spec::LinkOpcode opcode, uint8_t sequence, uint32_t address = 0,
            const Bytes& payload = {}) {
    send(frame(opcode, sequence, address, payload));
    return reply();
  }

  Clocked<Block> block;
  LinkBuses<Block> buses;
  Dice dice;
  Bytes sent;
  double send_rate = 1;  ///< How often the line takes a byte.
};

}  // namespace tern::test
