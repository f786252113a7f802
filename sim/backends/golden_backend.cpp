// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include "backends/backends.hpp"
#include "backends/host_sampling.hpp"
#include "backends/options.hpp"
#include "driver/src/trit_count.hpp"
#include "golden/model.hpp"
#include "io/error.hpp"

namespace tern::sim {
namespace {

class GoldenDevice final : public Device {
 public:
  explicit GoldenDevice(uint32_t threads) : threads_(threads) {}

  std::optional<spec::ChipConfig> config() const override { return std::nullopt; }

  void load(const io::Image& image) override {
    model_.emplace(image, threads_);
    image_ = &image;
    model_->set_trace(trace_);
  }

  void reset() override {
    if (model_) model_->reset();
  }

  void seek(uint32_t positions, const KvSource& source) override {
    if (!model_) throw Error("golden: no model is loaded");
    model_->seek(positions, source);
  }

  Logits forward(std::span<const int32_t> tokens, uint32_t) override {
    if (!model_) throw Error("golden: no model is loaded");
    if (tokens.empty()) throw Error("no tokens to run; give at least one");
    for (int32_t token : tokens) {
      model_->forward(token);
      trit_macs_ += driver::token_trits(*image_, static_cast<uint64_t>(model_->position()), true);
    }
    return {{model_->logits().begin(), model_->logits().end()}, model_->logit_scale()};
  }

  Generated generate(std::span<const int32_t> prompt, const GenerateSettings& settings,
                     const TokenSink& token) override {
    if (!model_) throw Error("golden: no model is loaded");
    return generate_on_host(*this, prompt, settings, token, image_->tokenizer().ends());
  }

  int position() const override { return model_ ? model_->position() : 0; }

  Counters counters() const override {
    Counters c;
    c.trit_macs = trit_macs_;
    return c;
  }

  void set_trace(TraceSink sink) override {
    trace_ = std::move(sink);
    if (model_) model_->set_trace(trace_);
  }

 private:
  uint32_t threads_;
  std::optional<golden::Model> model_;
  const io::Image* image_ = nullptr;
  TraceSink trace_;
  uint64_t trit_macs_ = 0;
};

}  // namespace

std::unique_ptr<Device> open_golden(std::string_view argument, const DeviceSettings& settings) {
  if (!argument.empty())
    throw Error("backend golden takes no argument, not \"{}\"; write golden:", argument);
  return std::make_unique<GoldenDevice>(static_cast<uint32_t>(settings.options.whole(kThreads)));
}

}  // namespace tern::sim
