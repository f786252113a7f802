// SPDX-License-Identifier: Apache-2.0
#include "timing_run.hpp"

#include <array>
#include <vector>

#include "driver/src/firmware_image.hpp"
#include "driver/src/generate_words.hpp"
#include "io/error.hpp"
#include "io/fit.hpp"

namespace tern::tlm {
namespace {

constexpr uint64_t Counters::*kCounters[] = {
    &Counters::cycles,      &Counters::beats,       &Counters::load_beats,  &Counters::store_beats,
    &Counters::stall_read,  &Counters::stall_drain, &Counters::stall_wait,  &Counters::stall_idle,
    &Counters::vector_busy, &Counters::commands,    &Counters::saturations, &Counters::illegal,
    &Counters::bus_errors,  &Counters::trit_macs};
static_assert(sizeof(Counters) == std::size(kCounters) * sizeof(uint64_t));

driver::FirmwareLink start_link(Transport& chip, uint64_t timeout_cycles) {
  return {chip, timeout_cycles, {driver::firmware_instructions(), driver::firmware_data()}};
}

uint32_t load(Transport& chip, driver::FirmwareLink& link, const io::Skeleton& model) {
  io::check_fits(model, chip.config(), model.name, "--positions");
  chip.reserve_memory(model.memory_bytes());
  for (const auto& [at, bytes] : model.parts()) chip.write_memory(at, bytes);
  link.start();
  link.set_task("load of the model");
  link.send(std::array{static_cast<uint32_t>(spec::Request::kLoad), 0u});
  return link.expect(spec::Reply::kLoaded).payload;
}

/// Returns the position that the firmware reports. `token` is called with each token.
template <typename OnToken>
uint32_t generate(driver::FirmwareLink& link, const io::Skeleton& model, uint32_t prompt,
                  uint32_t max_new, uint32_t group, OnToken token) {
  spec::GenerateRequest r{};
  r.prompt = prompt;
  r.max_new = max_new;
  r.group = group;
  r.top_k = 1;
  r.top_p_q16 = 65536;
  const std::vector<int32_t> tokens(prompt, static_cast<int32_t>(model.model.bos));
  link.send(driver::generate_words(r, {}, tokens));
  for (;;) {
    const driver::Message m = link.receive();
    if (m.kind == spec::Reply::kDone) return m.done().position;
    if (m.kind == spec::Reply::kToken) token();
  }
}

/// The registers that count events have 32 bits; those of cycles have 64, and tell when one of the
/// others has come round.
void check_width(const Counters& counted) {
  if (counted.cycles < work_cycles(counted) + (uint64_t{1} << 31)) return;
  throw Error(
      "{} cycles between two looks at the chip are more than its counters of 32 bits can tell "
      "apart; "
      "ask for a lower clock, a faster memory or fewer tokens",
      counted.cycles);
}

}  // namespace

Counters operator-(const Counters& after, const Counters& before) {
  Counters c;
  for (auto member : kCounters) c.*member = after.*member - before.*member;
  return c;
}

uint64_t work_cycles(const Counters& c) {
  return c.beats + c.load_beats + c.stall_read + c.stall_drain + c.stall_wait + c.stall_idle;
}

TimingRun::TimingRun(Transport& chip, const io::Skeleton& model, uint64_t timeout_cycles)
    : model_(model), link_(start_link(chip, timeout_cycles)) {
  group_ = load(chip, link_, model);
}

void TimingRun::seek(uint32_t position) {
  link_.set_task(fmt::format("position {}", position));
  link_.send(std::array{static_cast<uint32_t>(spec::Request::kSeek), position});
  link_.expect(spec::Reply::kDone);
}

Counters TimingRun::request(uint32_t position, uint32_t prompt, uint32_t max_new, uint32_t group) {
  const uint64_t run = uint64_t{prompt} + (max_new > 0 ? max_new - 1 : 0);
  if (prompt == 0 || position + run > model_.model.context)
    throw Error("{} tokens from position {} do not fit the context of {} positions of {}", run,
                position, model_.model.context, model_.name);
  seek(position);
  link_.set_task(fmt::format("{} tokens at position {}", run, position));
  // From the first of several tokens to the last, or else all of it.
  const bool whole = max_new < 2;
  uint32_t sent = 0;
  Counters begin, end;
  const auto look = [&](Counters& counters) {
    link_.sample_counters();
    counters = link_.counters();
    edge_();
  };
  if (whole) look(begin);
  const uint32_t reached = generate(link_, model_, prompt, max_new, group, [&] {
    ++sent;
    if (whole) return;
    if (sent == 1) look(begin);
    if (sent == max_new) look(end);
  });
  if (reached != position + run)
    throw Error(
        "{} tokens from position {}: the firmware reports position {}; driver and firmware differ "
        "in version",
        run, position, reached);
  if (whole) look(end);
  counted_ = {begin.cycles, end.cycles};
  const Counters counted = end - begin;
  check_width(counted);
  return counted;
}

Counters TimingRun::prefill(uint32_t position, uint32_t tokens, uint32_t group) {
  return request(position, tokens, 0, group);
}

Counters TimingRun::decode(uint32_t position, uint32_t tokens) {
  if (position == 0) {
    if (tokens != 1)
      throw Error("at position 0 one token is measured, not {}; ask for position 1", tokens);
    return request(0, 1, 1, 1);
  }
  return request(position - 1, 1, tokens + 1, 1);
}

}  // namespace tern::tlm
