#include <optional>
#include <utility>

#include "backends/backends.hpp"
#include "golden/model.hpp"
#include "io/error.hpp"

namespace tern::sim {
namespace {

class GoldenDevice final : public Device {
 public:
  std::optional<spec::ChipConfig> config() const override { return std::nullopt; }

  void load(const io::Image& image) override {
    model_.emplace(image);
    image_ = &image;
    model_->set_trace(trace_);
  }

  void reset() override {
    if (model_) model_->reset();
  }

  Logits forward(std::span<const int32_t> tokens) override {
    if (!model_) throw Error("golden: no model is loaded");
    if (tokens.empty()) throw Error("no tokens to run; give at least one");
    for (int32_t token : tokens) {
      model_->forward(token);
      trit_macs_ += trit_macs(static_cast<uint64_t>(model_->position()));
    }
    return {{model_->logits().begin(), model_->logits().end()}, model_->logit_scale()};
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
  static uint64_t trits(const spec::MatrixDescriptor& m) {
    const bool value = m.layout == static_cast<uint32_t>(spec::Layout::kValue);
    return uint64_t{m.rows} * m.cols * (value ? spec::kTritsPerByte : m.planes);
  }

  /// Of one token that sees `length` tokens: K once and V with two limbs for each query head.
  uint64_t trit_macs(uint64_t length) const {
    const spec::ModelDescriptor& m = image_->model();
    uint64_t sum = trits(m.head);
    for (uint32_t i = 0; i < m.layers; ++i) {
      const spec::LayerDescriptor& l = image_->layer(i);
      for (const auto* w :
           {&l.attn_q, &l.attn_k, &l.attn_v, &l.attn_output, &l.ffn_gate, &l.ffn_up, &l.ffn_down}) {
        sum += trits(*w);
      }
    }
    return sum + 3 * spec::kTritsPerByte * length * m.layers * m.heads * m.head_dim;
  }

  std::optional<golden::Model> model_;
  const io::Image* image_ = nullptr;
  TraceSink trace_;
  uint64_t trit_macs_ = 0;
};

}  // namespace

std::unique_ptr<Device> open_golden(std::string_view argument, const DeviceOptions& options) {
  if (!argument.empty())
    throw Error("backend golden takes no argument, not \"{}\"; write golden:", argument);
  refuse_chip_options("golden", options);
  return std::make_unique<GoldenDevice>();
}

}  // namespace tern::sim
