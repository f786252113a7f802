// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "backends/backends.hpp"
#include "backends/host_sampling.hpp"
#include "io/error.hpp"
#include "io/image.hpp"
#include "io/model_files.hpp"
#include "reference/reference.hpp"
#include "spec/numerics/scale.hpp"

namespace tern::sim {
namespace {

constexpr int kLogitBits = 30;

/// Block fixed point: the largest logit takes kLogitBits bits.
Logits to_fixed(std::span<const float> logits) {
  float largest = 0;
  for (float v : logits) largest = std::max(largest, std::abs(v));
  const int exponent = largest > 0 ? std::ilogb(largest) + 1 - kLogitBits : 0;
  Logits out;
  out.values.reserve(logits.size());
  for (float v : logits) {
    const double unit = std::ldexp(static_cast<double>(v), -exponent);
    out.values.push_back(static_cast<int32_t>(std::lround(unit)));
  }
  out.scale = spec::make_scale(1, exponent);
  return out;
}

class ReferenceDevice final : public Device {
 public:
  /// `file` is what the argument names, if it does; `given`, the model's.
  ReferenceDevice(std::string file, std::string given, io::GgufOptions options)
      : named_(!file.empty()),
        file_(named_ ? std::move(file) : std::move(given)),
        options_(std::move(options)) {}

  std::optional<spec::ChipConfig> config() const override { return std::nullopt; }

  void load(const io::Image& image) override {
    const std::string file = file_.empty() ? image.origin() : file_;
    model_.emplace(*open(file));
    const spec::ModelDescriptor& m = image.model();
    ends_.assign(image.tokenizer().ends().begin(), image.tokenizer().ends().end());
    const io::ModelConfig& c = model_->config();
    if (static_cast<uint32_t>(c.vocab) != m.vocab || static_cast<uint32_t>(c.hidden) != m.hidden ||
        static_cast<uint32_t>(c.layers) != m.layers) {
      throw Error(
          "{}: {} layers, width {}, {} tokens, but {} has {}, {} and {}; it is another model", file,
          c.layers, c.hidden, c.vocab, image.origin(), m.layers, m.hidden, m.vocab);
    }
  }

  /// Files that the argument names stand beside an image.
  bool takes_files() const override { return !named_; }

  void load_files(const io::ModelFiles& files, std::span<const int32_t> ends) override {
    file_ = files.file();
    model_.emplace(files);
    ends_.assign(ends.begin(), ends.end());
  }

  void reset() override {
    if (model_) model_->reset();
  }

  Logits forward(std::span<const int32_t> tokens, uint32_t) override {
    if (!model_) throw Error("reference: no model is loaded");
    if (tokens.empty()) throw Error("no tokens to run; give at least one");
    std::span<const float> logits;
    for (int32_t token : tokens) logits = model_->forward(token);
    return to_fixed(logits);
  }

  Generated generate(std::span<const int32_t> prompt, const GenerateSettings& settings,
                     const TokenSink& token) override {
    if (!model_) throw Error("reference: no model is loaded");
    return generate_on_host(*this, prompt, settings, token, ends_);
  }

  int position() const override { return model_ ? model_->position() : 0; }
  Counters counters() const override { return {}; }

  void set_trace(TraceSink sink) override {
    if (sink)
      throw Error("backend reference computes in float and has no integer vectors to trace");
  }

 private:
  std::unique_ptr<io::ModelFiles> open(const std::string& file) const {
    try {
      return io::open_model(file, options_);
    } catch (const Error& e) {
      throw Error(
          "{}; the reference needs the model's GGUF file or folder, name it as reference:FILE.gguf",
          e.what());
    }
  }

  bool named_;
  std::string file_;
  io::GgufOptions options_;
  std::optional<reference::Model> model_;
  std::vector<int> ends_;
};

}  // namespace

std::unique_ptr<Device> open_reference(std::string_view argument, const DeviceSettings& settings) {
  return std::make_unique<ReferenceDevice>(std::string(argument), settings.model_file.string(),
                                           settings.gguf);
}

}  // namespace tern::sim
