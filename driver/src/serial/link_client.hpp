// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "byte_line.hpp"
#include "link_frames.hpp"

namespace tern::driver {

/// What has happened on a line, for messages and tests.
struct LinkCounts {
  uint64_t requests = 0;  ///< Answered.
  uint64_t troubles = 0;  ///< Frames that were damaged or lost, in either direction.
  uint64_t timeouts = 0;  ///< Of the troubles, those that showed as silence.
};

/// The host's end of the serial link (docs/fpga.md): requests in frames, two of them under way,
/// repeated until each is answered. After any trouble the client asks the link what it has done
/// before it goes on, so that nothing is done twice or left out, and sends shorter frames for a
/// while. Throws tern::Error when the board does not answer, was reset, or refuses, and when the
/// line damages too much; after that, connect() starts again.
class LinkClient {
 public:
  explicit LinkClient(std::unique_ptr<ByteLine> line) : line_(std::move(line)) {}

  /// Finds the link, whatever it was doing, and checks its version.
  void connect();
  bool connected() const { return connected_; }

  /// Addresses and lengths in bytes; multiples of 4 below 4096 for registers, of 8 for memory.
  /// Consecutive registers are read; one register takes all the words.
  void read_registers(uint32_t address, std::span<uint32_t> values);
  void write_registers(uint32_t address, std::span<const uint32_t> values);
  void read_memory(uint64_t address, std::span<std::byte> data);
  void write_memory(uint64_t address, std::span<const std::byte> data);
  /// CRC-32 of each block of kLinkChecksumBytes from `address` on; the last may be shorter.
  std::vector<uint32_t> checksums(uint64_t address, uint64_t bytes);
  /// The chip's interrupt line, as of now.
  bool interrupt();
  /// Whether memory answers at this address.
  bool has_memory(uint64_t address);

  const LinkCounts& counts() const { return counts_; }
  std::string name() const { return line_->name(); }

 private:
  /// A stretch of work that is cut into requests.
  struct Job {
    spec::LinkOpcode opcode{};
    uint64_t address = 0;
    uint64_t size = 0;                 ///< Bytes that are moved or summed up.
    std::span<const std::byte> out{};  ///< [size] of writes.
    std::span<std::byte> in{};         ///< [size] of reads; of checksums 4 bytes a request.
    bool may_fail = false;             ///< A bus error is an answer.
  };
  /// A request that is not answered.
  struct Piece {
    uint8_t sequence;
    uint64_t offset;  ///< In the job.
    uint32_t size;
    double sent;
    uint64_t line_bytes;  ///< Of request and reply.
  };
  enum class Trouble { kDamage, kSilence };

  /// Whether all was done; false for a bus error of a job that may fail.
  bool run(const Job& job);
  uint32_t piece_size(const Job& job, uint64_t offset) const;
  void send(const Job& job, Piece& piece);
  /// Takes the answer of the oldest piece; false for a bus error of a job that may fail.
  bool accept(const Job& job, const LinkReply& reply);
  /// Makes sure what the link has done; afterwards the waiting pieces are those to be sent again.
  void recover(const Job& job, Trouble trouble);
  /// The number that the link expects next, after all that is under way.
  uint8_t probe(const Job& job);
  void check_hope();
  void keep_what_was_done(const Job& job, uint8_t expected);

  std::optional<LinkReply> receive(double until);
  bool answers_oldest(const LinkReply& reply, const Job& job) const;
  bool belongs_to_waiting(const LinkReply& reply, const Job& job) const;
  void flush_a_hanging_frame();
  /// Longest time to wait for the reply to something of so many bytes on the line.
  double patience(uint64_t line_bytes) const;
  void measure(double seconds, uint64_t line_bytes);
  [[noreturn]] void fail(const std::string& why);

  std::unique_ptr<ByteLine> line_;
  ReplyReader reader_;
  std::deque<Piece> waiting_;
  LinkCounts counts_;
  bool connected_ = false;
  bool interrupt_ = false;
  uint8_t next_ = 0;  ///< Sequence number of the next request.
  uint8_t probes_ = 0;
  uint64_t next_offset_ = 0;
  uint32_t chunk_ = spec::kLinkPayloadBytes;  ///< Longest payload at the moment.
  uint32_t clean_ = 0;     ///< Requests without trouble since the last change of chunk_.
  uint32_t hopeless_ = 0;  ///< Troubles since the last answer.
  double pace_ = 0;        ///< Seconds that a byte takes, at worst of late.
  uint64_t dropped_ = 0;   ///< Bytes of no reply, when the last good reply came.
  double heard_ = 0;       ///< When the last good reply came.
};

}  // namespace tern::driver
