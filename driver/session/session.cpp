// SPDX-License-Identifier: Apache-2.0
#include "tern/session.hpp"

#include <algorithm>
#include <utility>

#include "io/chip_config.hpp"
#include "io/error.hpp"

namespace tern {
namespace {

std::unique_ptr<Device> open_device(const SessionOptions& options) {
  DeviceSettings device = options.device;
  device.model_file = options.model.file;
  device.gguf = options.model.gguf;
  return Device::open(options.backend, device);
}

LoadedModel load_for(const Device& device, const SessionOptions& options) {
  const auto chip = device.config();
  const std::string& config = options.model.config;
  if (!chip) {
    return load_model(for_golden(options.model), io::find_config(config.empty() ? "edge" : config));
  }
  if (!config.empty() && config != chip->name) {
    throw Error("backend {} has configuration {}, --config says {}; leave one out", options.backend,
                chip->name, config);
  }
  return load_model(options.model, io::find_config(chip->name));
}

}  // namespace

Setup prepare(const SessionOptions& options) {
  Setup setup;
  setup.device = open_device(options);
  setup.model = load_for(*setup.device, options);
  return setup;
}

std::unique_ptr<Session> Session::open(const SessionOptions& options) {
  return std::unique_ptr<Session>(new Session(options));
}

Session::Session(const SessionOptions& options) : backend_(options.backend) {
  setup_.device = open_device(options);
  if (setup_.device->takes_files() && !is_image(options.model.file)) {
    open_files(options);
    return;
  }
  setup_.model = load_for(*setup_.device, options);
  const io::Image& image = *setup_.model.image;
  setup_.device->load(image);
  tokenizer_ = &image.tokenizer();
  name_ = image.name();
  context_ = image.model().context;
}

void Session::open_files(const SessionOptions& options) {
  setup_.model.files = open_model_files(options.model);
  const io::ModelFiles& files = *setup_.model.files;
  tokenizer_ = &own_tokenizer_.emplace(files.vocabulary());
  setup_.device->load_files(files, tokenizer_->ends());
  name_ = files.config().name;
  context_ = files.config().context;
  const uint32_t wanted = options.model.convert.context;
  if (wanted > context_) {
    throw Error("{}: {} {} is more than the model's {} positions", files.file(),
                options.model.convert.context_flag, wanted, context_);
  }
  if (wanted != 0) context_ = wanted;
}

std::vector<int32_t> Session::encode(std::string_view text) const {
  return tokenizer_->encode(text, tokenizer_->adds_bos() && position() == 0);
}

uint32_t Session::position() const {
  return static_cast<uint32_t>(setup_.device->position()) + (waiting_ ? 1 : 0);
}

uint32_t Session::room(std::size_t prompt) const {
  const int64_t left = context_ - position();
  if (static_cast<int64_t>(prompt) > left) {
    if (position() == 0)
      throw Error("the prompt has {} tokens, the model's context {}; shorten the prompt", prompt,
                  context_);
    throw Error(
        "the prompt has {} tokens at position {}, the model's context {}; shorten the prompt or "
        "begin a new sequence",
        prompt, position(), context_);
  }
  return static_cast<uint32_t>(left - static_cast<int64_t>(prompt) + 1);
}

std::vector<int32_t> Session::stops_of(const TextSettings& settings) const {
  std::vector<int32_t> stops = settings.stop_tokens;
  if (settings.stop_at_end)
    stops.insert(stops.end(), tokenizer_->ends().begin(), tokenizer_->ends().end());
  return stops;
}

GeneratedText Session::generate(std::string_view prompt, const TextSettings& settings,
                                const PieceSink& sink) {
  return generate(std::span<const int32_t>(encode(prompt)), settings, sink);
}

GeneratedText Session::generate(std::span<const int32_t> prompt, const TextSettings& settings,
                                const PieceSink& sink) {
  GenerateSettings s = generate_settings(settings.sampling);
  s.max_new = std::min(settings.tokens, room(prompt.size()));
  s.group = settings.group;
  s.stop_at_end = settings.stop_at_end;
  s.stop_tokens = settings.stop_tokens;
  s.random_state = settings.random_state;
  const std::vector<int32_t> stops = stops_of(settings);
  std::vector<int32_t> tokens(prompt.begin(), prompt.end());
  if (waiting_) tokens.insert(tokens.begin(), *waiting_);

  GeneratedText made;
  const bool computes = device().computes();
  io::StreamDecoder decoder(*tokenizer_, settings.echo && position() == 0);
  const auto pass_on = [&](std::optional<int32_t> token, std::string_view text) {
    if (!computes) text = {};
    made.text += text;
    if (sink && (token || !text.empty())) sink({token, text});
  };
  try {
    if (settings.echo) {
      for (const int32_t token : prompt) pass_on(std::nullopt, decoder.push(token));
    }
    const Generated generated = device().generate(tokens, s, [&](int32_t token) {
      made.tokens.push_back(token);
      made.ended = std::ranges::find(stops, token) != stops.end();
      pass_on(token, made.ended || !computes ? std::string() : decoder.push(token));
    });
    made.random_state = generated.random_state;
    pass_on(std::nullopt, decoder.finish());
  } catch (...) {
    forget();
    throw;
  }
  run_.insert(run_.end(), tokens.begin(), tokens.end());
  waiting_.reset();
  if (!made.tokens.empty()) {
    run_.insert(run_.end(), made.tokens.begin(), made.tokens.end() - 1);
    waiting_ = made.tokens.back();
  }
  return made;
}

std::size_t Session::keep(std::span<const int32_t> sequence) {
  if (knows_ && run_.size() < sequence.size() &&
      std::ranges::equal(run_, sequence.first(run_.size()))) {
    waiting_.reset();
    return run_.size();
  }
  reset();
  return 0;
}

void Session::reset() {
  run_.clear();
  knows_ = true;
  waiting_.reset();
  device().reset();
}

void Session::seek(uint32_t positions, const KvSource& source) {
  try {
    device().seek(positions, source);
  } catch (...) {
    forget();
    throw;
  }
  run_.clear();
  knows_ = positions == 0;
  waiting_.reset();
}

void Session::forget() noexcept {
  try {
    reset();
  } catch (...) {  // the device starts again by itself before it runs anything
  }
}

}  // namespace tern
