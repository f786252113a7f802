// SPDX-License-Identifier: Apache-2.0
#include "issue/tracer.hpp"

#include "host/mailbox.hpp"
#include "issue/scratch.hpp"

namespace tern::firmware {
namespace {

constexpr uint32_t kMostElements = 0xffff;  ///< Of a row of a STORE.

}  // namespace

void Tracer::start(uint32_t address, uint32_t units, uint32_t record_word) {
  address_ = address;
  units_in_buffer_ = units;
  record_ = record_word;
  used_ = 0;
  needed_ = 0;
}

Status Tracer::status() const {
  if (needed_ == 0) return {};
  return {spec::FirmwareError::kTraceBuffer, needed_};
}

void Tracer::flush() {
  if (used_ == 0) return;
  Mailbox::send(spec::Reply::kTrace, 0);
  Mailbox::send(used_);
  // Whatever else the host sends now is no answer to a full buffer.
  while (Mailbox::receive() != static_cast<uint32_t>(spec::Request::kContinue)) {
  }
  used_ = 0;
}

void Tracer::reserve(uint32_t records, uint32_t count) {
  const uint32_t units = records * (1 + units_of(count));
  if (units > units_in_buffer_) {
    if (units > needed_) needed_ = units;
    return;
  }
  if (used_ + units > units_in_buffer_) flush();
}

uint32_t Tracer::begin(const Key& key, uint32_t count) {
  if (needed_ != 0) return 0;
  units_.wait_all();
  spec::TraceRecord record{};
  record.magic = spec::kTraceMagic;
  record.point = static_cast<uint32_t>(key.point);
  record.position = key.position;
  record.layer = key.layer;
  record.head = key.head;
  record.count = count;
  record.cycle = Bus::read(spec::mmio::kCycles);
  record.scale_m = key.scale.m;
  record.scale_e = key.scale.e;
  const uint32_t* words = reinterpret_cast<const uint32_t*>(&record);
  for (uint32_t i = 0; i < sizeof record / 4; ++i) write_scratch(record_ + i, words[i]);
  for (uint32_t i = sizeof record / 4; i < spec::kAddrUnit / 4; ++i) write_scratch(record_ + i, 0);
  const uint32_t at = address_ + used_;
  used_ += 1 + units_of(count);
  store(at, 0, record_, spec::kAddrUnit / 4);
  return at + 1;
}

void Tracer::add(uint32_t address, uint32_t first, uint32_t word, uint32_t count) {
  if (needed_ != 0) return;
  units_.wait_all();
  for (uint32_t done = 0; done < count;) {
    const uint32_t n = count - done < kMostElements ? count - done : kMostElements;
    store(address, 4 * (first + done), word + done, n);
    done += n;
  }
}

void Tracer::save(const Key& key, uint32_t word, uint32_t count) {
  reserve(1, count);
  const uint32_t at = begin(key, count);
  add(at, 0, word, count);
}

void Tracer::store(uint32_t unit, uint32_t byte, uint32_t word, uint32_t count) {
  const uint64_t address = uint64_t{unit} * spec::kAddrUnit + byte;
  spec::StoreCommand c;
  c.addr_low = static_cast<uint32_t>(address);
  c.addr_high = static_cast<uint32_t>(address >> 32);
  c.count = count;
  c.src = word;
  c.rows = 1;
  c.beat_stride = 1;
  units_.wait(units_.issue(c, units_.after()));
}

}  // namespace tern::firmware
