// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.hpp"
#include "golden/model.hpp"
#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "options.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "reference/reference.hpp"
#include "text_input.hpp"

namespace tern::cli {
namespace {

struct EvalOptions {
  Options common;
  std::filesystem::path text;
  int64_t tokens = 0;
  bool int8_reference = false;
  bool backend_given = false;
};

constexpr std::string_view kSeparator = "<|endoftext|>";

/// bos, text, eos of every document in the file, as far as the model has them.
std::vector<int> tokenize(const std::filesystem::path& path, const io::Image& image) {
  const std::string file = read_text_file(path);
  std::string_view text = file;
  std::vector<int> ids;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(kSeparator), text.size());
    std::string_view document = text.substr(0, end);
    text.remove_prefix(std::min(end + kSeparator.size(), text.size()));
    while (!document.empty() && document.front() == '\n') document.remove_prefix(1);
    while (!document.empty() && document.back() == '\n') document.remove_suffix(1);
    if (document.empty()) continue;
    const std::vector<int> part = image.tokenizer().encode(document, image.tokenizer().adds_bos());
    ids.insert(ids.end(), part.begin(), part.end());
    if (image.tokenizer().eos() >= 0) ids.push_back(image.tokenizer().eos());
  }
  return ids;
}

/// log of the sum of exponentials, and the index of the largest.
struct Normaliser {
  double log_sum = 0;
  std::size_t best = 0;
};
template <typename Get>
Normaliser normalise(std::size_t n, Get get) {
  Normaliser r;
  for (std::size_t i = 1; i < n; ++i) r.best = get(i) > get(r.best) ? i : r.best;
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += std::exp(get(i) - get(r.best));
  r.log_sum = std::log(sum) + get(r.best);
  return r;
}

/// Sums over the tokens that were scored.
struct Score {
  std::size_t tokens = 0;
  double nats = 0, reference_nats = 0, kl = 0;
  std::size_t agree = 0;
  double seconds = 0, reference_seconds = 0;
};

/// The machine's logits after a token, in their unit.
struct Scored {
  std::span<const int32_t> values;
  double unit;
};

/// What is scored: the golden model, or a backend.
class Machine {
 public:
  Machine(const EvalOptions& o, const LoadedModel& model, std::unique_ptr<Device> device)
      : device_(std::move(device)), name_(device_ ? o.common.backend : "golden") {
    if (!device_) {
      golden_.emplace(*model.image);
      return;
    }
    if (!device_->computes())
      throw Error("{}: a model of the chip's time has no values to score; give another --backend",
                  name_);
    device_->load(*model.image);
  }
  const std::string& name() const { return name_; }
  void reset() { device_ ? device_->reset() : golden_->reset(); }
  Scored forward(int32_t token) {
    if (!device_) {
      golden_->forward(token);
      const auto scale = golden_->logit_scale();
      return {golden_->logits(), std::ldexp(static_cast<double>(scale.m), scale.e)};
    }
    logits_ = device_->forward(std::span(&token, 1));
    return {logits_.values, std::ldexp(static_cast<double>(logits_.scale.m), logits_.scale.e)};
  }
  uint64_t saturations() const {
    return device_ ? device_->counters().saturations : golden_->saturations();
  }

 private:
  std::unique_ptr<Device> device_;
  std::string name_;
  std::optional<golden::Model> golden_;
  Logits logits_;
};

/// Adds the token `next`, as the machine and the reference foretold it.
void add_token(Score& score, const Scored& machine, std::span<const float> r, std::size_t next) {
  if (machine.values.size() != r.size())
    throw Error("the backend has {} logits, the model a vocabulary of {}", machine.values.size(),
                r.size());
  const auto g_at = [&](std::size_t k) { return machine.values[k] * machine.unit; };
  const auto r_at = [&](std::size_t k) { return static_cast<double>(r[k]); };
  const Normaliser g = normalise(r.size(), g_at);
  const Normaliser f = normalise(r.size(), r_at);
  for (std::size_t k = 0; k < r.size(); ++k) {
    const double log_p = r_at(k) - f.log_sum;
    score.kl += std::exp(log_p) * (log_p - (g_at(k) - g.log_sum));
  }
  score.nats -= g_at(next) - g.log_sum;
  score.reference_nats -= r_at(next) - f.log_sum;
  score.agree += g.best == f.best;
  ++score.tokens;
}

/// Keys of the golden model say so; those of a backend have its part in their names.
nlohmann::json to_json(const Score& s, const Machine& machine) {
  const auto count = static_cast<double>(s.tokens);
  const std::string part = machine.name() == "golden" ? "golden" : "backend";
  nlohmann::json out = {
      {"tokens", s.tokens},
      {"backend", machine.name() == "golden" ? "golden:" : machine.name()},
      {"reference_nats", s.reference_nats / count},
      {"reference_perplexity", std::exp(s.reference_nats / count)},
      {"perplexity_change", std::exp(s.nats / count) / std::exp(s.reference_nats / count) - 1},
      {"kl_nats", s.kl / count},
      {"top1_agreement", static_cast<double>(s.agree) / count},
      {"saturations", machine.saturations()},
      {"reference_tokens_per_second", count / s.reference_seconds}};
  out[part + "_nats"] = s.nats / count;
  out[part + "_perplexity"] = std::exp(s.nats / count);
  out[part + "_tokens_per_second"] = count / s.seconds;
  return out;
}

int eval(const EvalOptions& o) {
  Setup setup;
  if (o.backend_given) {
    setup = prepare_setup(o.common);
  } else {
    setup.model = load_model(for_golden(model_options(o.common)),
                             io::find_config(o.common.config.empty() ? "edge" : o.common.config));
  }
  const LoadedModel& model = setup.model;
  if (!model.files)
    throw Error("{}: eval compares with the float32 reference, which needs the GGUF file or folder",
                o.common.model.string());
  Machine machine(o, model, std::move(setup.device));
  reference::Model reference(*model.files, {.int8_inputs = o.int8_reference});
  const std::vector<int> ids = tokenize(o.text, *model.image);
  const std::size_t available = ids.size() > 1 ? ids.size() - 1 : 0;
  const std::size_t n = o.tokens > 0
                            ? std::min<std::size_t>(static_cast<std::size_t>(o.tokens), available)
                            : available;
  if (n == 0) throw Error("{}: no text to score", o.text.string());

  Progress progress("eval", n, o.common.quiet);
  Score score;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % model.image->model().context == 0) {
      machine.reset();
      reference.reset();
    }
    const Stopwatch machine_clock;
    const Scored scored = machine.forward(ids[i]);
    score.seconds += machine_clock.seconds();
    const Stopwatch reference_clock;
    const std::span<const float> r = reference.forward(ids[i]);
    score.reference_seconds += reference_clock.seconds();
    add_token(score, scored, r, static_cast<std::size_t>(ids[i + 1]));
    progress.update(
        i + 1, fmt::format("{:.0f} tokens/s",
                           static_cast<double>(i + 1) / (score.seconds + score.reference_seconds)));
  }
  if (o.common.json) {
    say_json(to_json(score, machine));
    return 0;
  }
  const auto count = static_cast<double>(n);
  const double perplexity = std::exp(score.nats / count);
  const double reference_perplexity = std::exp(score.reference_nats / count);
  say("{} tokens of {}\n", n, o.text.string());
  say("  perplexity      {} {:.4f}, float32 reference {:.4f}: {:+.4f} %\n", machine.name(),
      perplexity, reference_perplexity, 100 * (perplexity / reference_perplexity - 1));
  say("  KL divergence   {:.6f} nat\n", score.kl / count);
  say("  top-1 agreement {:.3f} %\n", 100 * static_cast<double>(score.agree) / count);
  if (!o.common.quiet) {
    note("{} {:.0f} tokens/s, reference {:.0f} tokens/s, one thread\n", machine.name(),
         count / score.seconds, count / score.reference_seconds);
  }
  return 0;
}

}  // namespace

void add_eval(CLI::App& app, Action& action) {
  auto o = std::make_shared<EvalOptions>();
  CLI::App* sub = app.add_subcommand("eval",
                                     "Score a text with the golden model, or a backend, and the "
                                     "float32 reference: perplexity, KL, "
                                     "agreement");
  add_model_options(*sub, o->common);
  add_context_option(*sub, o->common);
  sub->add_option(
      "--backend", o->common.backend,
      "What is scored in place of the golden model, as tern run names it: a simulated chip, "
      "a board");
  sub->add_option("--text", o->text, "Text file; documents end with a line <|endoftext|>")
      ->required();
  sub->add_option("--tokens", o->tokens, "Tokens to score; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  sub->add_flag(
      "--int8-reference", o->int8_reference,
      "Quantise the inputs of all the reference's linear layers to int8 per token, as the "
      "chip does; without, only of trits with one scale, whose models are trained so");
  add_output_options(*sub, o->common);
  sub->callback([o, sub, &action] {
    o->backend_given = sub->count("--backend") > 0;
    action = [o] { return eval(*o); };
  });
}

}  // namespace tern::cli
