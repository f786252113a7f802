// SPDX-License-Identifier: Apache-2.0
#include "fake_board.hpp"

#include <algorithm>

#include "spec/config_words.hpp"

namespace tern::test {

namespace reg = spec::reg;
using spec::LinkOpcode;
using spec::LinkStatus;

FakeBoard::FakeBoard() {
  const spec::ChipConfig* chip = nullptr;
  for (const spec::ChipConfig& c : spec::kConfigs) {
    if (c.name == std::string("ulx3s")) chip = &c;
  }
  registers[reg::kId] = reg::kIdReset;
  registers[reg::kVersion] = reg::kVersionReset;
  const spec::ConfigWords words = spec::config_words(*chip);
  registers[reg::kConfig] = words.config;
  registers[reg::kConfig2] = words.config2;
  registers[reg::kConfig3] = words.config3;
}

void FakeBoard::reset() {
  state_ = State::kSync0;
  expected_ = 0;
  last_status_[0] = last_status_[1] = LinkStatus::kSequence;
}

void FakeBoard::receive(uint8_t byte, double time, Bytes& out) {
  if (state_ == State::kFrame && time - last_ > kPause) damaged(out);
  last_ = time;
  switch (state_) {
    case State::kSync0:
      if (byte == spec::kLinkSync0) state_ = State::kSync1;
      return;
    case State::kSync1:
      if (byte == spec::kLinkSync1) {
        state_ = State::kFrame;
        frame_ = {spec::kLinkSync0, spec::kLinkSync1};
      } else if (byte != spec::kLinkSync0) {
        state_ = State::kSync0;
      }
      return;
    case State::kFrame:
      break;
  }
  frame_.push_back(byte);
  if (frame_.size() < spec::kLinkHeaderBytes) return;
  const uint64_t length = little(frame_, 4, 2);
  if (length > spec::kLinkPayloadBytes) return damaged(out);
  if (frame_.size() < spec::kLinkHeaderBytes + length + spec::kLinkCrcBytes) return;
  state_ = State::kSync0;
  const size_t body = frame_.size() - 2 - spec::kLinkCrcBytes;
  if (little(frame_, 2 + body, 4) != frame_crc(&frame_[2], body)) return damaged(out);
  execute(out);
}

void FakeBoard::damaged(Bytes& out) {
  state_ = State::kSync0;
  reply(0, expected_, LinkStatus::kDamaged, {}, out);
}

void FakeBoard::execute(Bytes& out) {
  const auto opcode = static_cast<LinkOpcode>(frame_[2]);
  const uint8_t sequence = frame_[3];
  Bytes payload(frame_.begin() + spec::kLinkHeaderBytes, frame_.end() - spec::kLinkCrcBytes);
  const auto age = static_cast<uint8_t>(expected_ - sequence);
  const bool is_write = opcode == LinkOpcode::kWriteRegister || opcode == LinkOpcode::kWriteMemory;
  const bool first = opcode == LinkOpcode::kHello || age == 0;
  LinkStatus status = LinkStatus::kSequence;
  if (first) {
    expected_ = static_cast<uint8_t>(sequence + 1);
    status = perform(payload);
    last_status_[sequence & 1] = status;
  } else if (age <= 2) {
    status = is_write ? last_status_[sequence & 1] : perform(payload);
  }
  if (status != LinkStatus::kOk || is_write) payload.clear();
  reply(frame_[2], sequence, status, payload, out);
}

/// In: the request's payload; out: the reply's.
LinkStatus FakeBoard::perform(Bytes& payload) {
  const auto address = static_cast<uint32_t>(little(frame_, 6, 4));
  switch (static_cast<LinkOpcode>(frame_[2])) {
    case LinkOpcode::kHello:
      payload.clear();
      for (uint32_t v : {uint32_t{version}, spec::kLinkPayloadBytes, spec::kLinkWindow, 0u})
        append(payload, v, 2);
      return LinkStatus::kOk;
    case LinkOpcode::kStatus:
      payload.assign(8, 0);
      return LinkStatus::kOk;
    case LinkOpcode::kReadRegister: {
      const uint64_t count = payload.empty() ? 4 : little(payload, 0, 4);
      payload.clear();
      for (uint32_t at = address; at < address + count; at += 4) {
        if (at == reg::kCyclesLo) registers[at] = static_cast<uint32_t>(cycles_ += cycles_per_look);
        append(payload, registers[at], 4);
      }
      return LinkStatus::kOk;
    }
    case LinkOpcode::kWriteRegister:
      if (address >= 0xf00) return LinkStatus::kBusError;
      for (size_t i = 0; i < payload.size(); i += 4) {
        const auto value = static_cast<uint32_t>(little(payload, i, 4));
        registers[address] = value;
        register_writes.emplace_back(address, value);
      }
      return LinkStatus::kOk;
    default:
      return perform_memory(address, payload);
  }
}

LinkStatus FakeBoard::perform_memory(uint32_t address, Bytes& payload) {
  const auto opcode = static_cast<LinkOpcode>(frame_[2]);
  const bool write = opcode == LinkOpcode::kWriteMemory;
  const uint64_t count = write ? payload.size() : little(payload, 0, 4);
  const uint64_t most =
      opcode == LinkOpcode::kChecksum ? spec::kLinkChecksumBytes : spec::kLinkPayloadBytes;
  if (count % 8 != 0 || count == 0 || count > most) return LinkStatus::kBadLength;
  if (address % 8 != 0) return LinkStatus::kBadAddress;
  if (address + count > memory.size()) return LinkStatus::kBusError;
  const auto at = memory.begin() + address;
  if (write) {
    memory_writes += count;
    std::copy(payload.begin(), payload.end(), at);
    for (uint64_t stuck : stuck_bytes) memory[stuck] = 0;
  } else if (opcode == LinkOpcode::kChecksum) {
    payload.clear();
    append(payload, frame_crc(&memory[address], count), 4);
  } else {
    payload.assign(at, at + static_cast<std::ptrdiff_t>(count));
  }
  return LinkStatus::kOk;
}

void FakeBoard::reply(uint8_t opcode, uint8_t sequence, LinkStatus status, const Bytes& payload,
                      Bytes& out) {
  const uint32_t fields =
      static_cast<uint32_t>(status) | (interrupt ? 0x100u : 0u) | uint32_t{expected_} << 16;
  const Bytes bytes = frame(opcode | spec::kLinkReplyBit, sequence, fields, payload);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Bytes FakeLine::damage(uint8_t byte) {
  Bytes out;
  if (chance(faults_.extra)) out.push_back(static_cast<uint8_t>(random_()));
  if (chance(faults_.drop)) return out;
  if (chance(faults_.noise)) byte ^= static_cast<uint8_t>(1 + random_() % 255);
  out.push_back(byte);
  return out;
}

void FakeLine::write(std::span<const uint8_t> bytes) {
  sent_ = std::max(sent_, now_);
  for (const uint8_t byte : bytes) {
    if (written_++ >= faults_.dies_after) throw Error("{}: the line is gone", name());
    sent_ += kByte;
    if (faults_.deaf) continue;
    Bytes replies;
    for (const uint8_t b : damage(byte)) board_.receive(b, sent_, replies);
    for (const uint8_t b : replies) {
      replied_ = std::max(replied_, sent_ + kLatency) + kByte;
      for (const uint8_t c : damage(b)) coming_.emplace_back(replied_, c);
    }
  }
}

std::size_t FakeLine::read(std::span<uint8_t> bytes, double seconds) {
  const double end = now_ + seconds;
  if (coming_.empty() || coming_.front().first > end) {
    now_ = end;
    return 0;
  }
  now_ = std::max(now_, coming_.front().first);
  std::size_t count = 0;
  while (count < bytes.size() && !coming_.empty() && coming_.front().first <= now_) {
    bytes[count++] = coming_.front().second;
    coming_.pop_front();
  }
  return count;
}

}  // namespace tern::test
