// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus.hpp"
#include "spec/generated/spec.hpp"
#include "spec/waits.hpp"

/// Commands to the chip's units. Units run side by side; what orders them are the wait counts of
/// the commands. A command is issued ahead of time with the tickets of those that it needs, or
/// played with counts that stand in a program; the controller itself waits only where it computes
/// with what a unit has produced.
namespace tern::firmware {

namespace fields = spec::fields;

/// A command that was issued: its number within its unit, modulo 2^32. Tickets are compared by
/// their distance, so none may be kept over 2^31 commands.
template <spec::Unit kUnit>
struct Ticket {
  uint32_t number = 0;
};
using LoadTicket = Ticket<spec::Unit::kLoad>;
using MatmulTicket = Ticket<spec::Unit::kMatmul>;
using VectorTicket = Ticket<spec::Unit::kVector>;
using StoreTicket = Ticket<spec::Unit::kStore>;

/// Tells the timeline what the controller is at.
inline void enter(spec::Phase phase, uint32_t number = 0) {
  using namespace spec::mmio::phase;
  Bus::write(spec::mmio::kPhase, kPhase.put(static_cast<uint32_t>(phase)) | kNumber.put(number));
}

/// Where a word of the next command goes.
constexpr uint32_t cmd(uint32_t word) { return spec::mmio::cmd::word(word); }

/// The wait counts of a command, the word of kWaits.
struct Waits {
  uint32_t word;
};

class Units {
 public:
  /// Takes the counts as they are; to be called while no unit works.
  void start() {
    const uint32_t done = Bus::read(spec::mmio::kDone);
    for (uint32_t u = 0; u < spec::kUnitCount; ++u)
      issued_[u] = done_[u] = spec::count_of(u).get(done);
    done_word_ = done;
  }

  /// Waits for all of these, and for nothing else.
  template <spec::Unit... kUnits>
  Waits after(Ticket<kUnits>... tickets) const {
    uint32_t word = done_word_;
    ((word = with(word, tickets)), ...);
    return {word};
  }

  [[gnu::always_inline]] LoadTicket issue(const spec::LoadCommand& c, Waits waits) {
    return issue<spec::Unit::kLoad>(c.pack(), waits);
  }
  [[gnu::always_inline]] MatmulTicket issue(const spec::MatmulCommand& c, Waits waits) {
    return issue<spec::Unit::kMatmul>(c.pack(), waits);
  }
  [[gnu::always_inline]] VectorTicket issue(const spec::VectorCommand& c, Waits waits) {
    return issue<spec::Unit::kVector>(c.pack(), waits);
  }
  [[gnu::always_inline]] VectorTicket issue(const spec::ScalarCommand& c, Waits waits) {
    return issue<spec::Unit::kVector>(c.pack(), waits);
  }
  [[gnu::always_inline]] StoreTicket issue(const spec::StoreCommand& c, Waits waits) {
    return issue<spec::Unit::kStore>(c.pack(), waits);
  }
  /// Words as they go to the chip, but for the waits, which are 0 in them.
  template <spec::Unit kUnit>
  [[gnu::always_inline]] Ticket<kUnit> issue(const spec::CommandWords& c, Waits waits) {
    static_assert(fields::kWaits.word == 1 && spec::kCommandWords == 8);
    Bus::write(cmd(0), c.w[0]);
    Bus::write(cmd(1), waits.word);
    Bus::write(cmd(2), c.w[2]);
    Bus::write(cmd(3), c.w[3]);
    Bus::write(cmd(4), c.w[4]);
    Bus::write(cmd(5), c.w[5]);
    Bus::write(cmd(6), c.w[6]);
    Bus::write(cmd(7), c.w[7]);
    constexpr uint32_t u = static_cast<uint32_t>(kUnit);
    const uint32_t number = ++issued_[u];
    Bus::write(issue_, 0);
    if (number - done_[u] > kMostBehind) [[unlikely]]
      read_done();
    return {number};
  }

  /// Counts of the commands that were issued, a byte a unit.
  uint32_t counts() const {
    using namespace spec::mmio::done;
    return kLoad.put(issued_[0] & 0xff) | kMatmul.put(issued_[1] & 0xff) |
           kVector.put(issued_[2] & 0xff) | kStore.put(issued_[3]);
  }
  /// Plays `count` commands that lie in the data memory, so many of each unit as the bytes of
  /// `sizes` say; `waits` is added to their wait counts. Returns when the chip plays them.
  void play(const spec::CommandWords* commands, uint32_t count, uint32_t sizes, uint32_t waits) {
    if (timed_out()) return;
    Bus::play(commands, count, waits);
    // All commands before these have left for the queues.
    read_done();
    for (uint32_t u = 0; u < spec::kUnitCount; ++u) issued_[u] += spec::count_of(u).get(sizes);
  }
  /// Most commands of a unit that play() takes: counts are known modulo 256.
  static constexpr uint32_t kMostPlayed = 200;
  /// Returns when the last of what is played has been queued.
  void settle() { Bus::write(spec::mmio::kTapeWaits, 0); }

  /// Returns when the command is done, or a timeout has been recorded.
  template <spec::Unit kUnit>
  void wait(Ticket<kUnit> ticket) {
    if (!is_done(ticket)) poll(static_cast<uint32_t>(kUnit), ticket.number);
  }
  /// Returns when every command that was issued is done.
  void wait_all() {
    for (uint32_t u = 0; u < spec::kUnitCount; ++u) poll(u, issued_[u]);
  }

  /// The last command of each unit.
  LoadTicket last_load() const { return {issued_[0]}; }
  MatmulTicket last_matmul() const { return {issued_[1]}; }
  VectorTicket last_vector() const { return {issued_[2]}; }
  StoreTicket last_store() const { return {issued_[3]}; }
  /// A LOAD that is known to be done.
  LoadTicket done_load() const { return {done_[0]}; }

  /// A unit did not finish within the limit. From then on nothing is issued and nothing waits:
  /// only a reset of the chip helps.
  bool timed_out() const { return issue_ != spec::mmio::kIssue; }
  uint32_t done_at_timeout() const { return done_word_; }
  /// Polls of Done, of about twelve cycles each, after which a wait is given up.
  void set_poll_limit(uint32_t polls) { poll_limit_ = polls; }

 private:
  /// Counts in commands are compared modulo 256: no wait may lie far behind.
  static constexpr uint32_t kMostBehind = 40;

  template <spec::Unit kUnit>
  bool is_done(Ticket<kUnit> ticket) const {
    return static_cast<int32_t>(done_[static_cast<uint32_t>(kUnit)] - ticket.number) >= 0;
  }
  template <spec::Unit kUnit>
  uint32_t with(uint32_t word, Ticket<kUnit> ticket) const {
    if (is_done(ticket)) return word;
    constexpr spec::Field count = spec::count_of(kUnit);
    return (word & ~count.mask()) | count.put(ticket.number & count.max());
  }
  void read_done();
  void take(uint32_t word);
  void poll(uint32_t unit, uint32_t number);

  uint32_t done_word_ = 0;
  uint32_t issued_[spec::kUnitCount] = {};
  uint32_t done_[spec::kUnitCount] = {};
  uint32_t poll_limit_ = 100'000'000;
  /// Where a write issues the command in Cmd; after a timeout, where it does nothing.
  uint32_t issue_ = spec::mmio::kIssue;
};

}  // namespace tern::firmware
