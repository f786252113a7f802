#include "chip_device.hpp"

#include <algorithm>
#include <utility>

#include "command_stream.hpp"
#include "fit.hpp"
#include "io/error.hpp"
#include "io/image.hpp"
#include "spec/generated/registers.hpp"
#include "token_loop.hpp"

namespace tern {
namespace {

namespace reg = spec::reg;

constexpr uint32_t field(uint32_t word, uint32_t lsb, uint32_t mask) { return word >> lsb & mask; }

void check_identity(Transport& transport) {
  const spec::ChipConfig& c = transport.config();
  if (const uint32_t id = transport.read_register(reg::kId); id != reg::kIdReset) {
    throw Error("chip {}: ID is 0x{:08x}, expected 0x{:08x}; there is no such chip at this place",
                c.name, id, reg::kIdReset);
  }
  const uint32_t version = transport.read_register(reg::kVersion);
  const uint32_t major = field(version, reg::kVersionMajorLsb, reg::kVersionMajorMask);
  const uint32_t expected =
      field(reg::kVersionReset, reg::kVersionMajorLsb, reg::kVersionMajorMask);
  if (major != expected) {
    throw Error("chip {}: register map version {}, this driver speaks version {}; update one",
                c.name, major, expected);
  }
  const uint32_t size = transport.read_register(reg::kConfig);
  const uint32_t size2 = transport.read_register(reg::kConfig2);
  const struct {
    const char* what;
    uint32_t has;
    uint32_t expected;
  } sizes[] = {
      {"columns", field(size, reg::kConfigColumnsLsb, reg::kConfigColumnsMask), c.columns},
      {"activation columns", field(size, reg::kConfigActColumnsLsb, reg::kConfigActColumnsMask),
       c.act_columns},
      {"accumulator entries", field(size, reg::kConfigAccDepthLsb, reg::kConfigAccDepthMask),
       c.acc_depth},
      {"activation tiles", field(size2, reg::kConfig2ActDepthLsb, reg::kConfig2ActDepthMask),
       c.act_depth},
      {"queue places", field(size2, reg::kConfig2CmdDepthLsb, reg::kConfig2CmdDepthMask),
       c.cmd_depth},
  };
  for (const auto& s : sizes) {
    if (s.has != s.expected) {
      throw Error("chip {}: it has {} {}, configuration {} has {}; open the chip's own one", c.name,
                  s.has, s.what, c.name, s.expected);
    }
  }
}

class ChipDevice final : public Device {
 public:
  ChipDevice(std::unique_ptr<Transport> transport, uint64_t timeout_cycles)
      : transport_((check_identity(*transport), std::move(transport))),
        chip_(*transport_, timeout_cycles) {}

  std::optional<spec::ChipConfig> config() const override { return transport_->config(); }

  void load(const io::Image& image) override {
    driver::check_fits(image, transport_->config());
    loop_.reset();
    image_ = &image;
    const uint64_t work = image.model().work_offset;
    const uint64_t bytes = driver::work_area_bytes(image, transport_->config());
    transport_->reserve_memory(work + bytes);
    transport_->write_memory(0, image.bytes());
    chip_.set_work_area(work, bytes);
    loop_ = std::make_unique<driver::TokenLoop>(image, *transport_, chip_);
    loop_->set_trace(trace_);
    position_ = 0;
  }

  void reset() override { position_ = 0; }

  Logits forward(std::span<const int32_t> tokens) override {
    check_tokens(tokens);
    const std::size_t width = transport_->config().act_columns;
    for (std::size_t done = 0; done < tokens.size();) {
      const std::size_t count = std::min(width, tokens.size() - done);
      const bool last = done + count == tokens.size();
      run_group(tokens.subspan(done, count), last);
      position_ += static_cast<uint32_t>(count);
      done += count;
    }
    const std::span<const int32_t> logits = loop_->logits();
    return {{logits.begin(), logits.end()}, loop_->logit_scale()};
  }

  int position() const override { return static_cast<int>(position_); }
  Counters counters() const override { return chip_.counters(); }

  void set_trace(TraceSink sink) override {
    trace_ = std::move(sink);
    if (loop_) loop_->set_trace(trace_);
  }

 private:
  void check_tokens(std::span<const int32_t> tokens) const {
    if (!loop_) throw Error("chip {}: no model is loaded", transport_->config().name);
    if (tokens.empty()) throw Error("no tokens to run; give at least one");
    const spec::ModelDescriptor& m = image_->model();
    if (tokens.size() > m.context - position_) {
      throw Error(
          "{} tokens from position {} do not fit the context of {} positions; ask for fewer tokens "
          "or a shorter prompt",
          tokens.size(), position_, m.context);
    }
    for (int32_t token : tokens) {
      if (token < 0 || token >= static_cast<int32_t>(m.vocab))
        throw Error("token {} is outside of the vocabulary of {}", token, m.vocab);
    }
  }

  void run_group(std::span<const int32_t> tokens, bool last) {
    using Head = driver::TokenLoop::Head;
    const Head head = trace_ ? Head::kAll : last ? Head::kLast : Head::kNone;
    try {
      loop_->run(tokens, position_, head);
      chip_.sample_counters();
    } catch (...) {
      chip_.abandon();
      throw;
    }
  }

  std::unique_ptr<Transport> transport_;
  driver::CommandStream chip_;
  const io::Image* image_ = nullptr;
  std::unique_ptr<driver::TokenLoop> loop_;
  uint32_t position_ = 0;
  TraceSink trace_;
};

}  // namespace

std::unique_ptr<Device> make_chip_device(std::unique_ptr<Transport> transport,
                                         uint64_t timeout_cycles) {
  return std::make_unique<ChipDevice>(std::move(transport), timeout_cycles);
}

}  // namespace tern
