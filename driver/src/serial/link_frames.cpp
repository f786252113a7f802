// SPDX-License-Identifier: Apache-2.0
#include "link_frames.hpp"

#include <zlib.h>

#include <algorithm>

namespace tern::driver {
namespace {

constexpr std::size_t kSyncBytes = 2;
constexpr std::size_t kOverhead = spec::kLinkHeaderBytes + spec::kLinkCrcBytes;

void append(std::vector<uint8_t>& bytes, uint64_t value, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

/// Of all behind the sync bytes.
uint32_t crc_of(std::span<const uint8_t> frame) {
  return static_cast<uint32_t>(
      crc32(0, frame.data() + kSyncBytes, static_cast<uInt>(frame.size() - kSyncBytes)));
}

/// Whether ten bytes can be the header of a reply.
bool plausible(const uint8_t* h) {
  return h[1] == spec::kLinkSync1 && (h[2] & spec::kLinkReplyBit) != 0 &&
         (h[4] | h[5] << 8) <= static_cast<int>(spec::kLinkPayloadBytes) && h[7] <= 1 && h[9] == 0;
}

}  // namespace

std::vector<uint8_t> encode_request(spec::LinkOpcode opcode, uint8_t sequence, uint32_t address,
                                    std::span<const std::byte> payload) {
  std::vector<uint8_t> frame;
  frame.reserve(kOverhead + payload.size());
  frame.push_back(spec::kLinkSync0);
  frame.push_back(spec::kLinkSync1);
  frame.push_back(static_cast<uint8_t>(opcode));
  frame.push_back(sequence);
  append(frame, payload.size(), 2);
  append(frame, address, 4);
  for (std::byte b : payload) frame.push_back(static_cast<uint8_t>(b));
  append(frame, crc_of(frame), spec::kLinkCrcBytes);
  return frame;
}

void ReplyReader::drop(std::size_t count) {
  dropped_ += count;
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(count));
}

std::optional<LinkReply> ReplyReader::take() {
  std::size_t at = 0;
  for (;; ++at) {
    at = static_cast<std::size_t>(std::find(bytes_.begin() + static_cast<std::ptrdiff_t>(at),
                                            bytes_.end(), spec::kLinkSync0) -
                                  bytes_.begin());
    if (bytes_.size() - at < spec::kLinkHeaderBytes) break;
    const uint8_t* h = &bytes_[at];
    if (!plausible(h)) continue;
    const std::size_t length = static_cast<std::size_t>(h[4] | h[5] << 8);
    const std::size_t size = kOverhead + length;
    if (bytes_.size() - at < size) break;
    const uint8_t* c = h + size - spec::kLinkCrcBytes;
    const uint32_t crc = c[0] | c[1] << 8 | c[2] << 16 | uint32_t{c[3]} << 24;
    if (crc != crc_of({h, size - spec::kLinkCrcBytes})) continue;
    LinkReply reply{static_cast<spec::LinkOpcode>(h[2] & ~spec::kLinkReplyBit),
                    h[3],
                    static_cast<spec::LinkStatus>(h[6]),
                    h[7] != 0,
                    h[8],
                    {}};
    const auto* payload = reinterpret_cast<const std::byte*>(h + spec::kLinkHeaderBytes);
    reply.payload.assign(payload, payload + length);
    drop(at);
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(size));
    return reply;
  }
  drop(at);
  return std::nullopt;
}

void ReplyReader::skip() {
  if (!bytes_.empty()) drop(1);
}

}  // namespace tern::driver
