// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "link_client.hpp"
#include "tern/transport.hpp"

namespace tern::driver {

/// A board behind a serial link. The chip says which configuration it is. Memory is written only
/// where its checksum differs, so an upload that broke off goes on where it ended, and one that was
/// done costs some milliseconds.
class LinkTransport : public Transport {
 public:
  /// Finds board and chip; throws tern::Error when there is none or it is another one.
  explicit LinkTransport(std::unique_ptr<ByteLine> line);

  const spec::ChipConfig& config() const override { return *config_; }
  void reserve_memory(uint64_t bytes) override;
  void write_memory(uint64_t address, std::span<const std::byte> data) override;
  void read_memory(uint64_t address, std::span<std::byte> data) override;
  void load_memory(uint64_t address, std::span<const std::byte> data,
                   const MemoryProgress& progress) override;
  void write_register(uint32_t offset, uint32_t value) override;
  uint32_t read_register(uint32_t offset) override;
  void write_registers(uint32_t offset, std::span<const uint32_t> values) override;
  void read_registers(uint32_t offset, std::span<uint32_t> values) override;
  bool wait_interrupt(uint64_t timeout_cycles) override;
  uint64_t cycles() const override { return 0; }

  const LinkCounts& counts() const { return link_.counts(); }

 private:
  void check_range(uint64_t address, uint64_t bytes) const;
  uint64_t read_cycles();

  LinkClient link_;
  const spec::ChipConfig* config_ = nullptr;
  uint64_t memory_ = 0;  ///< Bytes reserved.
};

}  // namespace tern::driver
