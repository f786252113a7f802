// SPDX-License-Identifier: Apache-2.0
#include "host/firmware.hpp"

#include "issue/scratch.hpp"

namespace tern::firmware {

using spec::FirmwareError;
using spec::GenerateRequest;

namespace {

constexpr uint32_t kTrace = spec::fields::generate_flags::kTrace.mask();
constexpr uint32_t kUnitWords = spec::kAddrUnit / 4;

bool traced(const GenerateRequest& r) { return (r.flags & kTrace) != 0; }
bool greedy(const GenerateRequest& r) { return r.inverse_temperature.m == 0; }
Status settings(uint32_t at) { return {FirmwareError::kSettings, at}; }

}  // namespace

void Firmware::start() {
  units_.start();
  Mailbox::send(spec::Reply::kReady, spec::kMailVersion);
}

void Firmware::serve() {
  const uint32_t request = Mailbox::receive();
  set_working(true);
  Status status;
  switch (static_cast<spec::Request>(request)) {
    case spec::Request::kLoad:
      status = load(Mailbox::receive());
      if (status.ok()) Mailbox::send(spec::Reply::kLoaded, model_.plan.group);
      break;
    case spec::Request::kReset:
      steps_.seek(0);
      done(0);
      break;
    case spec::Request::kSeek:
      status = seek(Mailbox::receive());
      break;
    case spec::Request::kGenerate:
      status = generate();
      break;
    case spec::Request::kReadMemory:
      status = read_memory();
      break;
    case spec::Request::kWriteMemory:
      status = write_memory();
      break;
    default:
      status = {FirmwareError::kUnknownRequest, request};
  }
  if (!status.ok()) Mailbox::send(status);
  set_working(false);
}

void Firmware::done(uint32_t sampled) {
  Mailbox::send(spec::Reply::kDone, sampled);
  Mailbox::send(steps_.position());
  Mailbox::send(static_cast<uint32_t>(random_.state));
  Mailbox::send(static_cast<uint32_t>(random_.state >> 32));
}

/// Only a reset of the chip helps.
Status Firmware::timed_out() {
  model_.loaded = false;
  return {FirmwareError::kTimeout, units_.done_at_timeout()};
}

Status Firmware::load(uint32_t base) {
  const Status status = load_model(units_, base, model_);
  if (units_.timed_out()) return timed_out();
  if (!status.ok()) return status;
  if (!steps_.prepare()) {
    model_.loaded = false;
    return {FirmwareError::kTooManyLayers, model_.layers};
  }
  return {};
}

Status Firmware::seek(uint32_t position) {
  if (!model_.loaded) return {FirmwareError::kNoModel, 0};
  if (position > model_.context) return {FirmwareError::kContext, position};
  steps_.seek(position);
  done(0);
  return {};
}

/// Words of the scratchpad that hold a unit of memory on its way from or to the host.
uint32_t Firmware::window() const { return model_.loaded ? model_.plan.record : 0; }

Status Firmware::read_memory() {
  const uint32_t first = Mailbox::receive();
  const uint32_t units = Mailbox::receive();
  Chip chip;
  chip.read();
  spec::LoadCommand c;
  c.beats = chip.beats(spec::kAddrUnit);
  c.count = kUnitWords;
  c.dst = window();
  for (uint32_t i = 0; i < units; ++i) {
    c.read_addr = first + i;
    units_.wait(units_.issue(c, units_.after(units_.last_store(), units_.last_vector())));
    if (units_.timed_out()) return timed_out();
    Mailbox::send(spec::Reply::kMemory, 0);
    for (uint32_t k = 0; k < kUnitWords; ++k) Mailbox::send(read_scratch(c.dst + k));
  }
  return {};
}

Status Firmware::write_memory() {
  const uint32_t first = Mailbox::receive();
  const uint32_t units = Mailbox::receive();
  spec::StoreCommand c;
  c.count = kUnitWords;
  c.src = window();
  c.rows = 1;
  c.beat_stride = 1;
  units_.wait_all();
  for (uint32_t i = 0; i < units; ++i) {
    for (uint32_t k = 0; k < kUnitWords; ++k) write_scratch(c.src + k, Mailbox::receive());
    if (units_.timed_out()) continue;
    const uint64_t address = (uint64_t{first} + i) * spec::kAddrUnit;
    c.addr_low = static_cast<uint32_t>(address);
    c.addr_high = static_cast<uint32_t>(address >> 32);
    units_.wait(units_.issue(c, units_.after()));
  }
  if (units_.timed_out()) return timed_out();
  done(0);
  return {};
}

Status Firmware::generate() {
  GenerateRequest request;
  uint32_t* words = reinterpret_cast<uint32_t*>(&request);
  for (uint32_t i = 0; i < sizeof request / 4; ++i) words[i] = Mailbox::receive();
  take_stops(request.stops);
  words_left_ = request.prompt;
  random_.state = uint64_t{request.random_high} << 32 | request.random_low;
  Status status = check(request);
  if (status.ok()) {
    steps_.set_temperature(request.inverse_temperature);
    tracer_.start(request.trace_addr, traced(request) ? request.trace_units : 0,
                  model_.plan.record);
    status = run_prompt(request);
  }
  // The next request begins after all words of this one.
  for (; words_left_ > 0; --words_left_) Mailbox::receive();
  if (!status.ok()) return status;

  uint32_t sampled = 0;
  while (sampled < request.max_new) {
    enter(spec::Phase::kSample);
    const uint32_t token = sample(request);
    Mailbox::send(spec::Reply::kToken, token);
    ++sampled;
    if (sampled == request.max_new || stops_at(token, request.stops)) break;
    status = run(&token, 1, traced(request) ? Head::kAll : Head::kLast, request);
    if (!status.ok()) return status;
  }
  enter(spec::Phase::kIdle);
  done(sampled);
  return {};
}

Status Firmware::check(const GenerateRequest& r) const {
  if (!model_.loaded) return {FirmwareError::kNoModel, 0};
  if (r.prompt == 0) return settings(offsetof(GenerateRequest, prompt));
  if ((r.flags & ~kTrace) != 0) return settings(offsetof(GenerateRequest, flags));
  if (!greedy(r) && r.inverse_temperature.m >> 30 != 1)
    return settings(offsetof(GenerateRequest, inverse_temperature));
  if (r.top_k < 1 || r.top_k > spec::kTopK) return settings(offsetof(GenerateRequest, top_k));
  if (r.top_p_q16 > 65536) return settings(offsetof(GenerateRequest, top_p_q16));
  if (r.stops > spec::kStopTokens) return settings(offsetof(GenerateRequest, stops));
  if (traced(r) && r.trace_units == 0) return {FirmwareError::kTraceBuffer, 1};
  if (traced(r) && r.prompt > model_.chip.scratch_words - model_.plan.free)
    return {FirmwareError::kScratchpad, model_.plan.free + r.prompt};
  // The last sampled token is not run.
  const uint64_t needed =
      uint64_t{steps_.position()} + r.prompt + (r.max_new == 0 ? 0 : r.max_new - 1);
  if (needed > model_.context)
    return {FirmwareError::kContext,
            needed >> 32 != 0 ? UINT32_MAX : static_cast<uint32_t>(needed)};
  return {};
}

/// Those that there is no room for are taken too: check() refuses the request then.
void Firmware::take_stops(uint32_t count) {
  stop_bits_ = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t token = Mailbox::receive();
    if (i < spec::kStopTokens) stops_[i] = token;
    stop_bits_ |= 1u << (token & 31);
  }
}

bool Firmware::is_stop(uint32_t token, uint32_t count) const {
  for (uint32_t i = 0; i < count; ++i) {
    if (stops_[i] == token) return true;
  }
  return false;
}

/// A traced prompt goes to the scratchpad as a whole: what comes behind it in the mailbox are the
/// host's answers to full trace buffers.
void Firmware::keep_prompt() {
  kept_at_ = model_.plan.free;
  for (kept_ = 0; words_left_ > 0; --words_left_, ++kept_)
    write_scratch(kept_at_ + kept_, Mailbox::receive());
}

uint32_t Firmware::next_token() {
  if (kept_ == 0) {
    --words_left_;
    return Mailbox::receive();
  }
  --kept_;
  return read_scratch(kept_at_++);
}

Status Firmware::run_prompt(const GenerateRequest& request) {
  kept_ = 0;
  if (traced(request)) keep_prompt();
  const uint32_t most = model_.plan.group;
  const uint32_t group = request.group == 0 || request.group > most ? most : request.group;
  uint32_t tokens[kMaxGroup];
  while (const uint32_t left = words_left_ + kept_) {
    const uint32_t count = left < group ? left : group;
    for (uint32_t i = 0; i < count; ++i) {
      tokens[i] = next_token();
      if (tokens[i] >= model_.vocab) return {FirmwareError::kTokenRange, tokens[i]};
    }
    const bool sampled = left == count && request.max_new > 0;
    const Head head = traced(request) ? Head::kAll : sampled ? Head::kLast : Head::kNone;
    const Status status = run(tokens, count, head, request);
    if (!status.ok()) return status;
  }
  return {};
}

Status Firmware::run(const uint32_t* tokens, uint32_t count, Head head,
                     const GenerateRequest& request) {
  const uint32_t most = greedy(request) ? 1 : request.top_k;
  steps_.run(tokens, count, head, most);
  if (units_.timed_out()) return timed_out();
  const Status status = tracer_.status();
  if (status.ok()) tracer_.flush();
  return status;
}

uint32_t Firmware::sample(const GenerateRequest& request) {
  if (greedy(request)) return Bus::read(spec::mmio::top_list::number(0));
  return steps_.sample(request.top_p_q16, random_);
}

}  // namespace tern::firmware
