// SPDX-License-Identifier: Apache-2.0
#include "chip_device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "firmware_link.hpp"
#include "generate_words.hpp"
#include "io/error.hpp"
#include "io/fit.hpp"
#include "kv_writer.hpp"
#include "spec/numerics/layout.hpp"
#include "stop_tokens.hpp"
#include "trace_reader.hpp"
#include "trit_count.hpp"

namespace tern {
namespace {

class ChipDevice final : public Device {
 public:
  ChipDevice(std::unique_ptr<Transport> transport, uint64_t timeout_cycles,
             const Firmware& firmware, MemoryProgress load_progress)
      : transport_(std::move(transport)),
        link_(*transport_, timeout_cycles, firmware),
        load_progress_(std::move(load_progress)) {}

  std::optional<spec::ChipConfig> config() const override { return transport_->config(); }

  void load(const io::Image& image) override {
    image_ = nullptr;
    trace_.reset();
    position_ = 0;
    const spec::ChipConfig& chip = transport_->config();
    trace_address_ = spec::align_up(image.model().work_offset, spec::kAddrUnit);
    trace_bytes_ = driver::trace_buffer_bytes(image.model(), chip);
    io::check_fits(image, chip);
    const uint64_t end = trace_address_ + trace_bytes_;
    if (end > uint64_t{spec::kAddrUnit} << spec::fields::load::kReadAddr.width)
      throw Error("{}: needs {} bytes of memory, more than commands can address", image.origin(),
                  end);
    if (!link_.running()) link_.start();
    transport_->reserve_memory(trace_address_ + trace_bytes_);
    transport_->load_memory(0, image.bytes(), load_progress_);
    take_model();
    image_ = &image;
    trace_.emplace(image, *transport_);
    trace_->set_sink(sink_);
  }

  void reset() override {
    position_ = 0;
    if (!link_.running() || image_ == nullptr) return;
    link_.set_task("reset");
    link_.send(std::array{static_cast<uint32_t>(spec::Request::kReset)});
    link_.expect(spec::Reply::kDone);
  }

  void seek(uint32_t positions, const KvSource& source) override {
    if (image_ == nullptr) throw Error("chip {}: no model is loaded", transport_->config().name);
    if (positions > image_->model().context)
      throw Error("position {} is outside of the context of {} positions", positions,
                  image_->model().context);
    try {
      if (!link_.running()) {
        link_.start();
        take_model();
      }
      driver::write_kv_caches(*image_, positions, source, *transport_);
      link_.set_task(fmt::format("position {}", positions));
      link_.send(std::array{static_cast<uint32_t>(spec::Request::kSeek), positions});
      link_.expect(spec::Reply::kDone);
    } catch (...) {
      restart_later();
      throw;
    }
    position_ = positions;
  }

  Logits forward(std::span<const int32_t> tokens, uint32_t group) override {
    check_tokens(tokens, 1);
    GenerateSettings settings;
    settings.group = group;
    // The logits come as a record of the trace. Without a sink only the last token needs one.
    const bool whole = static_cast<bool>(sink_);
    if (!whole && tokens.size() > 1) run(tokens.first(tokens.size() - 1), settings, false, {});
    run(whole ? tokens : tokens.last(1), settings, true, {});
    std::optional<driver::TraceReader::At> last = trace_->take_logits();
    const uint32_t position = position_ - 1;
    if (!last || last->position != position) {
      restart_later();
      throw Error("chip {}: the trace has no logits of position {}", transport_->config().name,
                  position);
    }
    return std::move(last->logits);
  }

  Generated generate(std::span<const int32_t> prompt, const GenerateSettings& settings,
                     const TokenSink& token) override {
    check_tokens(prompt, settings.max_new);
    if (settings.top_k < 1 || settings.top_k > spec::kTopK)
      throw Error("top-k {} is not 1 to {}", settings.top_k, spec::kTopK);
    return run(prompt, settings, static_cast<bool>(sink_), token);
  }

  int position() const override { return static_cast<int>(position_); }

  Counters counters() const override {
    Counters c = link_.counters();
    c.trit_macs = trit_macs_;
    return c;
  }

  std::optional<MemoryReport> memory_report() override { return transport_->memory_report(); }
  void end_recordings() override { transport_->end_recordings(); }

  void set_trace(TraceSink sink) override {
    sink_ = std::move(sink);
    if (trace_) trace_->set_sink(sink_);
  }

 private:
  void check_tokens(std::span<const int32_t> tokens, uint32_t max_new) const {
    if (image_ == nullptr) throw Error("chip {}: no model is loaded", transport_->config().name);
    if (tokens.empty()) throw Error("no tokens to run; give at least one");
    const spec::ModelDescriptor& m = image_->model();
    // The last sampled token is not run.
    const uint64_t run = tokens.size() + (max_new > 0 ? max_new - 1 : 0);
    if (run > m.context - position_) {
      throw Error(
          "{} tokens from position {} do not fit the context of {} positions; ask for fewer tokens "
          "or a shorter prompt",
          run, position_, m.context);
    }
    for (int32_t token : tokens) {
      if (token < 0 || token >= static_cast<int32_t>(m.vocab))
        throw Error("token {} is outside of the vocabulary of {}", token, m.vocab);
    }
  }

  void restart_later() {
    link_.abandon();
    position_ = 0;
  }

  /// The model is in memory.
  void take_model() {
    link_.set_task("load of the model");
    link_.send(std::array{static_cast<uint32_t>(spec::Request::kLoad), 0u});
    group_ = link_.expect(spec::Reply::kLoaded).payload;
    if (group_ < 1 || group_ > transport_->config().act_columns)
      link_.fail(
          fmt::format("the firmware takes groups of {} tokens, which the chip cannot", group_));
    position_ = 0;
  }

  /// A request, or several: while a chip that traces waits for Continue, the mailbox must hold
  /// nothing else, so the prompt goes there group by group.
  Generated run(std::span<const int32_t> tokens, const GenerateSettings& settings, bool traced,
                const TokenSink& token) {
    const std::size_t group =
        settings.group > 0 ? std::min(settings.group, group_) : std::size_t{group_};
    try {
      if (!link_.running()) {
        link_.start();
        take_model();
      }
      GenerateSettings prefill = settings;
      prefill.max_new = 0;
      while (traced && tokens.size() > group) {
        request(tokens.first(group), prefill, true, {});
        tokens = tokens.subspan(group);
      }
      return request(tokens, settings, traced, token);
    } catch (...) {
      restart_later();
      throw;
    }
  }

  Generated request(std::span<const int32_t> tokens, const GenerateSettings& settings, bool traced,
                    const TokenSink& token) {
    link_.set_task(fmt::format("{} tokens at position {}{}", tokens.size(), position_,
                               settings.max_new > 0
                                   ? fmt::format(" and up to {} more", settings.max_new)
                                   : std::string()));
    link_.send(generate_words(tokens, settings, traced));
    uint32_t sampled = 0;
    for (;;) {
      const driver::Message m = link_.receive();
      switch (m.kind) {
        case spec::Reply::kToken:
          if (m.payload >= image_->model().vocab)
            link_.fail(fmt::format("the firmware sampled token {} of {}", m.payload,
                                   image_->model().vocab));
          ++sampled;
          link_.sample_counters();
          if (token) token(static_cast<int32_t>(m.payload));
          break;
        case spec::Reply::kTrace:
          read_trace(m.words[0]);
          break;
        case spec::Reply::kDone:
          return finish(tokens.size(), sampled, traced, m);
        default:
          link_.fail(fmt::format("the firmware replied {} to a request for tokens",
                                 spec::name_of(m.kind)));
      }
    }
  }

  std::vector<uint32_t> generate_words(std::span<const int32_t> tokens,
                                       const GenerateSettings& settings, bool traced) const {
    spec::GenerateRequest r{};
    r.prompt = static_cast<uint32_t>(tokens.size());
    r.max_new = settings.max_new;
    r.group = std::min(settings.group, group_);
    r.flags = spec::fields::generate_flags::kTrace.put(traced);
    r.inverse_temperature = settings.inverse_temperature;
    r.top_k = settings.top_k;
    r.top_p_q16 = settings.top_p_q16;
    r.random_low = static_cast<uint32_t>(settings.random_state);
    r.random_high = static_cast<uint32_t>(settings.random_state >> 32);
    if (traced) {
      r.trace_addr = static_cast<uint32_t>(trace_address_ / spec::kAddrUnit);
      r.trace_units = static_cast<uint32_t>(trace_bytes_ / spec::kAddrUnit);
    }
    const std::vector<int32_t> stops = driver::stop_tokens(settings, image_->tokenizer().ends());
    r.stops = static_cast<uint32_t>(stops.size());
    return driver::generate_words(r, stops, tokens);
  }

  void read_trace(uint64_t units) {
    if (units * spec::kAddrUnit > trace_bytes_)
      link_.fail(fmt::format("the firmware reports {} bytes in a trace buffer of {}",
                             units * spec::kAddrUnit, trace_bytes_));
    trace_->read(trace_address_, units * spec::kAddrUnit);
    link_.send(std::array{static_cast<uint32_t>(spec::Request::kContinue)});
  }

  Generated finish(std::size_t prompt, uint32_t sampled, bool traced, const driver::Message& m) {
    const spec::DoneReply done = m.done();
    const std::size_t run = prompt + (sampled > 0 ? sampled - 1 : 0);
    const uint64_t position = position_ + run;
    if (m.payload != sampled || done.position != position) {
      link_.fail(fmt::format(
          "the firmware reports {} tokens and position {}, but {} tokens came and the position is "
          "{}",
          m.payload, done.position, sampled, position));
    }
    for (std::size_t i = 0; i < run; ++i) {
      const bool head = traced || (sampled > 0 && i + 1 >= prompt);
      trit_macs_ += driver::token_trits(*image_, ++position_, head);
    }
    link_.sample_counters();
    return {sampled, uint64_t{done.random_high} << 32 | done.random_low};
  }

  std::unique_ptr<Transport> transport_;
  driver::FirmwareLink link_;
  MemoryProgress load_progress_;
  const io::Image* image_ = nullptr;
  std::optional<driver::TraceReader> trace_;
  TraceSink sink_;
  uint32_t group_ = 1;  ///< Tokens that the firmware takes together.
  uint64_t trace_address_ = 0;
  uint64_t trace_bytes_ = 0;
  uint32_t position_ = 0;
  uint64_t trit_macs_ = 0;
};

}  // namespace

std::unique_ptr<Device> make_chip_device(std::unique_ptr<Transport> transport,
                                         uint64_t timeout_cycles, const Firmware& firmware,
                                         MemoryProgress load_progress) {
  return std::make_unique<ChipDevice>(std::move(transport), timeout_cycles, firmware,
                                      std::move(load_progress));
}

}  // namespace tern
