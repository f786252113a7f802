// SPDX-License-Identifier: Apache-2.0
#include "ordering.hpp"

#include <algorithm>
#include <utility>

#include "io/error.hpp"
#include "spec/numerics/sample.hpp"
#include "spec/waits.hpp"

namespace tern::sim {
namespace {

constexpr std::size_t kLoad = static_cast<std::size_t>(spec::Unit::kLoad);
constexpr std::size_t kMatmul = static_cast<std::size_t>(spec::Unit::kMatmul);
constexpr std::size_t kStore = static_cast<std::size_t>(spec::Unit::kStore);

const char* unit_name(std::size_t unit) { return spec::name_of(static_cast<spec::Unit>(unit)); }

void merge(UnitCounts& into, const UnitCounts& other) {
  for (std::size_t u = 0; u < into.size(); ++u) into[u] = std::max(into[u], other[u]);
}

}  // namespace

void Ordering::reset() {
  issued_ = done_ = known_ = stream_after_ = after_ = {};
  history_ = {};
  stream_store_ = 0;
  pages_.clear();
  reads_.clear();
}

/// The count that a wait of eight bits means.
uint64_t Ordering::resolve(std::size_t unit, uint32_t wait) const {
  const int behind = static_cast<int8_t>(static_cast<uint8_t>(issued_[unit] - wait));
  if (behind < 0) {
    throw Error("{}: wait_{} {} is never reached: {} {} commands were issued (modulo 256: {})",
                name_, unit_name(unit), wait, issued_[unit], unit_name(unit), issued_[unit] % 256);
  }
  if (behind > kMostBehind) {
    throw Error(
        "{}: wait_{} {} lies {} commands behind the {} issued, more than {}; it may be taken for "
        "one ahead when the count goes on",
        name_, unit_name(unit), wait, behind, issued_[unit], kMostBehind);
  }
  // A count from before the reset means nothing to wait for.
  return static_cast<uint64_t>(behind) > issued_[unit]
             ? 0
             : issued_[unit] - static_cast<uint64_t>(behind);
}

void Ordering::begin(spec::Unit unit, const std::array<uint32_t, spec::kUnitCount>& waits,
                     std::string name) {
  unit_ = static_cast<std::size_t>(unit);
  name_ = std::move(name);
  const bool stream = unit_ == kLoad || unit_ == kMatmul;
  after_ = known_;
  if (stream) {
    merge(after_, stream_after_);
  } else if (issued_[unit_] > 0) {
    merge(after_, started(unit_, issued_[unit_]).after);
  }
  for (std::size_t u = 0; u < waits.size(); ++u) {
    const uint64_t count = resolve(u, waits[u]);
    if (count > 0) merge(after_, started(u, count).after);
    after_[u] = std::max(after_[u], count);
    if (stream && u == kStore) stream_store_ = std::max({stream_store_, count, known_[kStore]});
  }
  if (stream) stream_after_ = after_;
  started(unit_, ++issued_[unit_]).after = after_;
  while (issued_[unit_] - done_[unit_] > kMostUnderWay) advance();
}

/// Whether what command `number` of `unit` does comes before what the last command does.
bool Ordering::covered(uint8_t unit, uint32_t number) const {
  if (unit == Place::kNobody || unit == Place::kController || unit == unit_) return true;
  if (unit == kLoad && unit_ == kMatmul) return true;
  return after_[unit] >= number;
}

void Ordering::fail(const char* what, uint64_t index, const char* verb, const char* did,
                    std::size_t unit, uint32_t number) const {
  throw Error(
      "{}: {} {}: {} what {} command {} {}, which may still run: it starts after {} {} commands",
      name_, what, index, verb, unit_name(unit), number, did, after_[unit], unit_name(unit));
}

void Ordering::read(Place& place, const char* what, uint64_t index) {
  if (!check_) return;
  if (place.writer_unit == Place::kNobody)
    throw Error("{}: {} {}: reads what nothing has written", name_, what, index);
  if (!covered(place.writer_unit, place.writer))
    fail(what, index, "reads", "writes", place.writer_unit, place.writer);
  place.readers[unit_] = static_cast<uint32_t>(issued_[unit_]);
}

void Ordering::write(Place& place, const char* what, uint64_t index) {
  if (!check_) return;
  if (!covered(place.writer_unit, place.writer))
    fail(what, index, "overwrites", "writes", place.writer_unit, place.writer);
  for (uint8_t u = 0; u < place.readers.size(); ++u) {
    if (!covered(u, place.readers[u]))
      fail(what, index, "overwrites", "reads", u, place.readers[u]);
  }
  place = {static_cast<uint8_t>(unit_), static_cast<uint32_t>(issued_[unit_]), {}};
}

void Ordering::read_memory(uint64_t address, uint64_t bytes) {
  if (!check_) return;
  const auto number = static_cast<uint32_t>(issued_[unit_]);
  while (!reads_.empty() && reads_.front().number + kMostUnderWay < issued_[reads_.front().unit]) {
    reads_.pop_front();
  }
  if (!reads_.empty() && reads_.back().unit == unit_ && reads_.back().number == number &&
      reads_.back().end == address) {
    reads_.back().end += bytes;
  } else {
    reads_.push_back({static_cast<uint8_t>(unit_), number, address, address + bytes});
  }
  for (uint64_t at = address; at < address + bytes && !pages_.empty();) {
    const uint64_t end = std::min(address + bytes, (at / kPageBytes + 1) * kPageBytes);
    const auto page = pages_.find(at / kPageBytes);
    if (page == pages_.end()) {
      at = end;
      continue;
    }
    for (; at < end; ++at) {
      const Place& place = page->second[at % kPageBytes];
      if (place.writer > stream_store_) {
        throw Error(
            "{}: memory 0x{:x}: reads what store command {} writes; the stream reads ahead, and "
            "only wait_store holds it back, which covers {} store commands",
            name_, at, place.writer, stream_store_);
      }
    }
  }
}

void Ordering::write_memory(uint64_t address, uint64_t bytes) {
  if (!check_) return;
  for (const StreamRead& r : reads_) {
    if (r.begin < address + bytes && address < r.end && !covered(r.unit, r.number))
      fail("memory", address, "overwrites", "reads", r.unit, r.number);
  }
  for (uint64_t at = address; at < address + bytes; ++at) {
    Page& page = pages_[at / kPageBytes];
    write(page[at % kPageBytes], "memory", at);
  }
}

void Ordering::controller_read(const Place& place, const char* what, uint64_t index) const {
  if (!check_) return;
  if (place.writer_unit == Place::kNobody)
    throw Error("controller: {} {}: reads what nothing has written", what, index);
  if (place.writer_unit == Place::kController || known_[place.writer_unit] >= place.writer) return;
  throw Error("controller: {} {}: reads what {} command {} writes; Done has shown {} of its unit",
              what, index, unit_name(place.writer_unit), place.writer, known_[place.writer_unit]);
}

void Ordering::controller_write(Place& place, const char* what, uint64_t index) const {
  if (!check_) return;
  const auto refuse = [&](std::size_t unit, uint32_t number, const char* did) {
    throw Error(
        "controller: {} {}: overwrites what {} command {} {}; Done has shown {} of its unit", what,
        index, unit_name(unit), number, did, known_[unit]);
  };
  if (place.writer_unit < spec::kUnitCount && known_[place.writer_unit] < place.writer)
    refuse(place.writer_unit, place.writer, "writes");
  for (std::size_t u = 0; u < place.readers.size(); ++u) {
    if (known_[u] < place.readers[u]) refuse(u, place.readers[u], "reads");
  }
  place = {Place::kController, 0, {}};
}

void Ordering::host_read_memory(uint64_t address, uint64_t bytes) const {
  if (!check_ || pages_.empty()) return;
  for (uint64_t at = address; at < address + bytes; ++at) {
    const auto page = pages_.find(at / kPageBytes);
    if (page == pages_.end()) {
      at = (at / kPageBytes + 1) * kPageBytes - 1;
      continue;
    }
    const Place& place = page->second[at % kPageBytes];
    if (place.writer > known_[kStore]) {
      throw Error("host: memory 0x{:x}: reads what store command {} writes; Done has shown {}", at,
                  place.writer, known_[kStore]);
    }
  }
}

uint64_t Ordering::draw() { return spec::Random{random_ += 0x9e3779b97f4a7c15ull}.next(); }

/// One more command is done, of any unit but the slow one, and of that one if no other can end. The
/// oldest command that is not done can always end, so there is progress.
void Ordering::advance() {
  const std::size_t first = draw() % done_.size();
  for (std::size_t i = 0; i <= done_.size(); ++i) {
    const bool last = i == done_.size();
    if (last && slow_ == kNoSlowUnit) return;
    const std::size_t u = last ? slow_ : (first + i) % done_.size();
    if ((!last && u == slow_) || done_[u] == issued_[u]) continue;
    const UnitCounts& after = started(u, done_[u] + 1).after;
    bool can_end = true;
    for (std::size_t v = 0; v < after.size(); ++v) can_end = can_end && after[v] <= done_[v];
    if (!can_end) continue;
    ++done_[u];
    return;
  }
}

uint32_t Ordering::read_done() {
  for (uint64_t steps = draw() % 4 + 1; steps > 0; --steps) advance();
  known_ = check_ ? done_ : issued_;
  uint32_t done = 0;
  for (std::size_t u = 0; u < known_.size(); ++u)
    done |= spec::count_of(static_cast<uint32_t>(u)).put(static_cast<uint32_t>(known_[u] & 0xff));
  return done;
}

}  // namespace tern::sim
