// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "spec/generated/spec.hpp"

namespace tern::test {

using Bytes = std::vector<uint8_t>;

inline void append(Bytes& bytes, uint64_t value, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

inline uint64_t little(const Bytes& bytes, size_t from, uint32_t count) {
  uint64_t value = 0;
  for (uint32_t i = 0; i < count; ++i) value |= uint64_t{bytes[from + i]} << (8 * i);
  return value;
}

/// Of all bytes behind the sync bytes, by zlib.
inline uint32_t frame_crc(const uint8_t* bytes, size_t count) {
  return static_cast<uint32_t>(crc32(0, bytes, static_cast<uInt>(count)));
}

/// A request of the host link as it goes over the line.
inline Bytes frame(uint32_t opcode, uint8_t sequence, uint32_t address, const Bytes& payload,
                   uint32_t crc_error = 0) {
  Bytes bytes = {spec::kLinkSync0, spec::kLinkSync1, static_cast<uint8_t>(opcode), sequence};
  append(bytes, payload.size(), 2);
  append(bytes, address, 4);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  append(bytes, frame_crc(bytes.data() + 2, bytes.size() - 2) ^ crc_error, 4);
  return bytes;
}
inline Bytes frame(spec::LinkOpcode opcode, uint8_t sequence, uint32_t address,
                   const Bytes& payload = {}, uint32_t crc_error = 0) {
  return frame(static_cast<uint32_t>(opcode), sequence, address, payload, crc_error);
}
inline Bytes number(uint32_t value) {
  Bytes bytes;
  append(bytes, value, 4);
  return bytes;
}

struct Reply {
  spec::LinkOpcode opcode;
  uint8_t sequence;
  spec::LinkStatus status;
  bool irq;
  uint8_t expected;
  Bytes payload;
};

/// Takes the first reply out of what the link has sent; bytes in front of it that are none are
/// dropped and, if asked for, counted. Nothing: no whole reply is there.
inline std::optional<Reply> take_reply(Bytes& bytes, uint64_t* dropped = nullptr) {
  size_t at = 0;
  std::optional<Reply> reply;
  for (; at < bytes.size(); ++at) {
    if (bytes[at] != spec::kLinkSync0) continue;
    if (bytes.size() - at < spec::kLinkHeaderBytes) break;
    if (bytes[at + 1] != spec::kLinkSync1) continue;
    const uint64_t length = little(bytes, at + 4, 2);
    if (length > spec::kLinkPayloadBytes) continue;
    const size_t body = spec::kLinkHeaderBytes - 2 + length;
    if (bytes.size() - at < body + 2 + spec::kLinkCrcBytes) break;
    if (little(bytes, at + 2 + body, 4) != frame_crc(&bytes[at + 2], body)) continue;
    if (!(bytes[at + 2] & spec::kLinkReplyBit) || (bytes[at + 7] & 0xfe) || bytes[at + 9]) continue;
    reply = Reply{static_cast<spec::LinkOpcode>(bytes[at + 2] & 0x7f),
                  bytes[at + 3],
                  static_cast<spec::LinkStatus>(bytes[at + 6]),
                  (bytes[at + 7] & 1) != 0,
                  bytes[at + 8],
                  {}};
    reply->payload.assign(bytes.begin() + static_cast<long>(at) + spec::kLinkHeaderBytes,
                          bytes.begin() + static_cast<long>(at + 2 + body));
    if (dropped) *dropped += at;
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<long>(at + 2 + body + 4));
    return reply;
  }
  if (dropped) *dropped += at;
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<long>(at));
  return reply;
}

}  // namespace tern::test
