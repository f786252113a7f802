// SPDX-License-Identifier: Apache-2.0
#include "link_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cstring>

#include "io/error.hpp"
#include "link_opcodes.hpp"

namespace tern::driver {
namespace {

using spec::LinkOpcode;
using spec::LinkStatus;

constexpr uint32_t kOverhead = spec::kLinkHeaderBytes + spec::kLinkCrcBytes;
constexpr uint32_t kLongestFrame = kOverhead + spec::kLinkPayloadBytes;
/// Below this length a shorter frame gains nothing: half of it is header and CRC.
constexpr uint32_t kShortest = 32;
constexpr uint32_t kSumBytesPerLineByte = 64;
/// Requests in a row without trouble before frames grow again.
constexpr uint32_t kGrowAfter = 24;
/// Troubles in a row. Short frames on a line that damages 5 % of its bytes come through one time
/// in twenty.
constexpr uint32_t kHopeless = 200;

constexpr double kLongestWait = 2;      ///< Between two attempts.
constexpr double kConnectSeconds = 6;   ///< Without an answer: no board.
constexpr double kSilenceSeconds = 20;  ///< The same once it has answered.

std::array<std::byte, 4> little(uint32_t value) {
  std::array<std::byte, 4> bytes;
  for (int i = 0; i < 4; ++i)
    bytes[static_cast<std::size_t>(i)] = static_cast<std::byte>(value >> (8 * i));
  return bytes;
}

uint32_t number(const std::byte* bytes, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i) value |= static_cast<uint32_t>(bytes[i]) << (8 * i);
  return value;
}

}  // namespace

void LinkClient::fail(const std::string& why) {
  connected_ = false;
  waiting_.clear();
  throw Error("{}: {}", line_->name(), why);
}

double LinkClient::patience(uint64_t line_bytes) const {
  return line_->latency() + 2.5 * pace_ * static_cast<double>(line_bytes);
}

/// A board that is simulated, or behind a slow adapter, is known by its first replies.
void LinkClient::measure(double seconds, uint64_t line_bytes) {
  pace_ = std::max(0.98 * pace_, seconds / static_cast<double>(line_bytes));
}

std::optional<LinkReply> LinkClient::receive(double until) {
  for (bool more = true;;) {
    if (auto reply = reader_.take()) {
      heard_ = line_->now();
      dropped_ = reader_.dropped_bytes();
      interrupt_ = reply->interrupt;
      return reply;
    }
    if (!more) return std::nullopt;
    std::array<uint8_t, 4096> bytes;
    const double left = until - line_->now();
    const std::size_t count = left > 0 ? line_->read(bytes, left) : 0;
    reader_.add(std::span(bytes).first(count));
    if (count > 0 || line_->now() < until) continue;
    // What looked like the start of a reply may have been noise that hides a good one.
    reader_.skip();
    more = false;
  }
}

/// A frame whose length was damaged makes the link wait for bytes; zeros start no frame.
void LinkClient::flush_a_hanging_frame() {
  const std::array<uint8_t, kLongestFrame> zeros{};
  line_->write(zeros);
}

void LinkClient::connect() {
  connected_ = false;
  waiting_.clear();
  line_->discard();
  reader_.clear();
  const double start = line_->now();
  double wait = 2 * line_->latency();
  bool garbage = false;
  for (uint32_t attempt = 0;; ++attempt) {
    if (line_->now() - start > kConnectSeconds) {
      fail(garbage ? "bytes come, but no answer of a Tern board; check the rate in baud and that "
                     "the board's bitstream is Tern's"
                   : "no answer; no board is there, it is not programmed (scripts/fpga.sh), or the "
                     "rate in baud is not that of its bitstream");
    }
    if (attempt > 0) flush_a_hanging_frame();
    const auto sequence = static_cast<uint8_t>(16 + attempt);
    const double sent = line_->now();
    line_->write(encode_request(LinkOpcode::kHello, sequence, 0, {}));
    while (auto reply = receive(sent + wait)) {
      if (reply->opcode != LinkOpcode::kHello || reply->sequence != sequence ||
          reply->status != LinkStatus::kOk || reply->payload.size() < 6)
        continue;
      const uint32_t version = number(reply->payload.data(), 2);
      const uint32_t payload = number(reply->payload.data() + 2, 2);
      const uint32_t window = number(reply->payload.data() + 4, 2);
      if (version != spec::kLinkVersion) {
        fail(
            fmt::format("the board's bitstream speaks version {} of the link, this driver {}; "
                        "program the bitstream of the same release",
                        version, spec::kLinkVersion));
      }
      if (payload != spec::kLinkPayloadBytes || window != spec::kLinkWindow)
        fail(
            fmt::format("the board's link takes {} frames of {} bytes, this driver sends {} of "
                        "{}; program the bitstream of the same release",
                        window, payload, spec::kLinkWindow, spec::kLinkPayloadBytes));
      if (attempt == 0) measure(line_->now() - sent, 2 * kOverhead + 8);
      next_ = static_cast<uint8_t>(sequence + 1);
      chunk_ = spec::kLinkPayloadBytes;
      clean_ = hopeless_ = 0;
      connected_ = true;
      return;
    }
    garbage = garbage || reader_.dropped_bytes() > 0;
    wait = std::min(2 * wait, kLongestWait);
  }
}

uint32_t LinkClient::piece_size(const Job& job, uint64_t offset) const {
  const uint64_t most = job.opcode == LinkOpcode::kChecksum ? spec::kLinkChecksumBytes : chunk_;
  return static_cast<uint32_t>(std::min(most, job.size - offset));
}

void LinkClient::send(const Job& job, Piece& piece) {
  std::array<std::byte, 4> count = little(piece.size);
  std::span<const std::byte> payload;
  if (writes(job.opcode)) payload = job.out.subspan(piece.offset, piece.size);
  if (reads(job.opcode)) payload = count;
  // All words of a write go to one register.
  const uint64_t at = job.opcode == LinkOpcode::kWriteRegister ? 0 : piece.offset;
  piece.line_bytes = 2 * kOverhead + payload.size() + reply_bytes(job.opcode, piece.size);
  // Sums take the board about as long as a frame of this part of their length.
  if (job.opcode == LinkOpcode::kChecksum) piece.line_bytes += piece.size / kSumBytesPerLineByte;
  piece.sent = line_->now();
  line_->write(
      encode_request(job.opcode, piece.sequence, static_cast<uint32_t>(job.address + at), payload));
}

bool LinkClient::answers_oldest(const LinkReply& reply, const Job& job) const {
  return !waiting_.empty() && reply.opcode == job.opcode &&
         reply.sequence == waiting_.front().sequence && reply.status != LinkStatus::kSequence &&
         reply.status != LinkStatus::kDamaged;
}

bool LinkClient::belongs_to_waiting(const LinkReply& reply, const Job& job) const {
  return reply.opcode == job.opcode &&
         std::any_of(waiting_.begin(), waiting_.end(),
                     [&](const Piece& piece) { return piece.sequence == reply.sequence; });
}

bool LinkClient::accept(const Job& job, const LinkReply& reply) {
  const Piece piece = waiting_.front();
  waiting_.pop_front();
  ++counts_.requests;
  hopeless_ = 0;
  if (++clean_ >= kGrowAfter && chunk_ < spec::kLinkPayloadBytes) {
    chunk_ *= 2;
    clean_ = 0;
  }
  if (reply.status != LinkStatus::kOk) {
    if (reply.status == LinkStatus::kBusError && job.may_fail) return false;
    const std::string what = describe(job.opcode, job.address, job.size);
    if (reply.status != LinkStatus::kBusError) {
      fail(
          fmt::format("{}: the board's link refuses it with status {}; program the bitstream of "
                      "the same release",
                      what, static_cast<uint32_t>(reply.status)));
    }
    fail(what + (of_registers(job.opcode)
                     ? ": the chip answers with an error"
                     : ": the memory answers with an error; the board has less memory than that, "
                       "or its chip or wiring is at fault"));
  }
  if (reply.payload.size() != reply_bytes(job.opcode, piece.size)) {
    fail(fmt::format("{}: {} bytes came in place of {}; program the bitstream of the same release",
                     describe(job.opcode, job.address, job.size), reply.payload.size(),
                     reply_bytes(job.opcode, piece.size)));
  }
  if (reads(job.opcode)) {
    const uint64_t place = job.opcode == LinkOpcode::kChecksum
                               ? piece.offset / spec::kLinkChecksumBytes * 4
                               : piece.offset;
    std::memcpy(job.in.data() + place, reply.payload.data(), reply.payload.size());
  }
  return true;
}

bool LinkClient::run(const Job& job) {
  if (!connected_) connect();
  next_offset_ = 0;
  bool good = true;
  double since = line_->now();  // the reply of the oldest piece takes its time from here on
  while (next_offset_ < job.size || !waiting_.empty()) {
    while (waiting_.size() < spec::kLinkWindow && next_offset_ < job.size) {
      Piece piece{next_++, next_offset_, piece_size(job, next_offset_), 0, 0};
      send(job, piece);
      next_offset_ += piece.size;
      waiting_.push_back(piece);
    }
    uint64_t line_bytes = 0;
    for (const Piece& p : waiting_) line_bytes += p.line_bytes;
    const double start = std::max(since, waiting_.front().sent);
    const auto reply = receive(start + patience(line_bytes));
    if (reply && answers_oldest(*reply, job)) {
      since = line_->now();
      measure(since - start, waiting_.front().line_bytes);
      good = accept(job, *reply) && good;
      continue;
    }
    const bool ours =
        reply && (reply->status == LinkStatus::kDamaged || belongs_to_waiting(*reply, job));
    if (reply && !ours) continue;  // late: of something that was settled before
    recover(job, reply ? Trouble::kDamage : Trouble::kSilence);
    for (Piece& piece : waiting_) send(job, piece);
    since = line_->now();
  }
  return good;
}

void LinkClient::recover(const Job& job, Trouble trouble) {
  ++counts_.troubles;
  if (trouble == Trouble::kSilence) ++counts_.timeouts;
  if (chunk_ > kShortest) chunk_ /= 2;
  clean_ = 0;
  keep_what_was_done(job, probe(job));
}

/// A request of Status with a number that the link does not expect: it does nothing, and its reply
/// tells the number that is expected once all in front of it has been done or dropped.
uint8_t LinkClient::probe(const Job& job) {
  constexpr uint32_t kProbeBytes = 2 * kOverhead + 8;
  uint64_t line_bytes = kProbeBytes;
  for (const Piece& piece : waiting_) line_bytes += piece.line_bytes;
  std::bitset<256> sent;
  double longer = 1;
  uint32_t unanswered = 0;  // after two, the link may hang in a frame
  for (;; ++hopeless_) {
    check_hope();
    const bool flush = unanswered >= 2;
    if (flush) flush_a_hanging_frame();
    uint8_t sequence;
    do {  // far from what is expected, and from what is after a reset
      sequence = static_cast<uint8_t>(next_ + 64 + probes_++ % 64);
    } while (sequence == 0 || sequence >= 254);
    sent.set(sequence);
    line_->write(encode_request(LinkOpcode::kStatus, sequence, 0, {}));
    const double wait = longer * patience(line_bytes + (flush ? kLongestFrame : 0));
    const double end = line_->now() + std::min(kLongestWait, wait);
    bool damaged = false;
    while (auto reply = receive(end)) {
      if (reply->status == LinkStatus::kDamaged) {
        damaged = true;
        break;
      }
      // It came too late: the line is slower than it was.
      if (answers_oldest(*reply, job))
        measure(line_->now() - waiting_.front().sent, waiting_.front().line_bytes);
      if (reply->opcode == LinkOpcode::kStatus && reply->status == LinkStatus::kSequence &&
          sent.test(reply->sequence))
        return reply->expected;
    }
    if (damaged) continue;
    longer *= ++unanswered > 1 ? 2 : 1;
  }
}

void LinkClient::check_hope() {
  const bool silent = line_->now() - heard_ > kSilenceSeconds;
  if (hopeless_ > kHopeless || (silent && reader_.dropped_bytes() > dropped_)) {
    fail(
        fmt::format("{} frames in a row were damaged; the line is too noisy: use a shorter cable "
                    "or a bitstream with a lower rate",
                    hopeless_));
  }
  if (silent) {
    fail(
        fmt::format("the board has not answered for {:.0f} s; it lost its power or its bitstream, "
                    "or the line is broken",
                    kSilenceSeconds));
  }
}

/// What was done and can be done again is forgotten, and cut anew; a write to a register is sent
/// again as it was, which does nothing but bring its answer.
void LinkClient::keep_what_was_done(const Job& job, uint8_t expected) {
  const auto done = static_cast<uint8_t>(expected - waiting_.front().sequence);
  if (done > waiting_.size()) {
    fail(
        fmt::format("{}: the board was reset, or another program talks to it; what its chip did "
                    "is lost, its memory is not: do it again",
                    describe(job.opcode, job.address, job.size)));
  }
  const std::size_t kept = job.opcode == LinkOpcode::kWriteRegister ? done : 0;
  if (kept < waiting_.size()) next_offset_ = waiting_[kept].offset;
  waiting_.resize(kept);
  next_ = expected;
}

void LinkClient::read_registers(uint32_t address, std::span<uint32_t> values) {
  std::vector<std::byte> bytes(4 * values.size());
  run({.opcode = LinkOpcode::kReadRegister, .address = address, .size = bytes.size(), .in = bytes});
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = number(&bytes[4 * i], 4);
}

void LinkClient::write_registers(uint32_t address, std::span<const uint32_t> values) {
  std::vector<std::byte> bytes;
  for (const uint32_t value : values) {
    const auto word = little(value);
    bytes.insert(bytes.end(), word.begin(), word.end());
  }
  run({.opcode = LinkOpcode::kWriteRegister,
       .address = address,
       .size = bytes.size(),
       .out = bytes});
}

void LinkClient::read_memory(uint64_t address, std::span<std::byte> data) {
  run({.opcode = LinkOpcode::kReadMemory, .address = address, .size = data.size(), .in = data});
}

void LinkClient::write_memory(uint64_t address, std::span<const std::byte> data) {
  run({.opcode = LinkOpcode::kWriteMemory, .address = address, .size = data.size(), .out = data});
}

std::vector<uint32_t> LinkClient::checksums(uint64_t address, uint64_t bytes) {
  const uint64_t blocks = (bytes + spec::kLinkChecksumBytes - 1) / spec::kLinkChecksumBytes;
  std::vector<std::byte> sums(4 * blocks);
  run({.opcode = LinkOpcode::kChecksum, .address = address, .size = bytes, .in = sums});
  std::vector<uint32_t> out(blocks);
  for (std::size_t i = 0; i < blocks; ++i) out[i] = number(&sums[4 * i], 4);
  return out;
}

bool LinkClient::interrupt() {
  run({.opcode = LinkOpcode::kStatus, .size = 8});
  return interrupt_;
}

bool LinkClient::has_memory(uint64_t address) {
  std::array<std::byte, 8> beat;
  return run({.opcode = LinkOpcode::kReadMemory,
              .address = address,
              .size = beat.size(),
              .in = beat,
              .may_fail = true});
}

}  // namespace tern::driver
