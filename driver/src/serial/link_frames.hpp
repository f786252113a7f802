// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "spec/generated/spec.hpp"

namespace tern::driver {

/// A request of the host link as it goes over the line (docs/fpga.md); payload up to
/// spec::kLinkPayloadBytes.
std::vector<uint8_t> encode_request(spec::LinkOpcode opcode, uint8_t sequence, uint32_t address,
                                    std::span<const std::byte> payload);

struct LinkReply {
  spec::LinkOpcode opcode{};  ///< Of the request.
  uint8_t sequence = 0;
  spec::LinkStatus status{};
  bool interrupt = false;
  uint8_t expected = 0;  ///< Sequence number that the link expects next.
  std::vector<std::byte> payload;
};

/// Finds replies in what a line brings.
class ReplyReader {
 public:
  void add(std::span<const uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void clear() { bytes_.clear(); }

  /// The next reply whose CRC is right; what lies in front of it is dropped and counted.
  std::optional<LinkReply> take();
  /// Gives up what looks like the start of a reply, because nothing more comes; the search goes on
  /// behind it.
  void skip();

  uint64_t dropped_bytes() const { return dropped_; }

 private:
  void drop(std::size_t count);

  std::vector<uint8_t> bytes_;
  uint64_t dropped_ = 0;
};

}  // namespace tern::driver
