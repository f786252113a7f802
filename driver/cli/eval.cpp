#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "golden/model.hpp"
#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "options.hpp"
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

int eval(const EvalOptions& o) {
  const spec::ChipConfig& chip =
      io::find_config(o.common.config.empty() ? "edge" : o.common.config);
  const LoadedModel model = load_model(for_golden(o.common), chip);
  if (!model.files)
    throw Error("{}: eval compares with the float32 reference, which needs the GGUF file or folder",
                o.common.model.string());
  golden::Model golden(*model.image);
  reference::Model reference(*model.files, {.int8_inputs = o.int8_reference});
  const std::vector<int> ids = tokenize(o.text, *model.image);
  const std::size_t available = ids.size() > 1 ? ids.size() - 1 : 0;
  const std::size_t n = o.tokens > 0
                            ? std::min<std::size_t>(static_cast<std::size_t>(o.tokens), available)
                            : available;
  if (n == 0) throw Error("{}: no text to score", o.text.string());

  Progress progress("eval", n, o.common.quiet);
  double golden_nats = 0, reference_nats = 0, kl = 0, golden_seconds = 0, reference_seconds = 0;
  std::size_t agree = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % model.image->model().context == 0) {
      golden.reset();
      reference.reset();
    }
    const Stopwatch golden_clock;
    golden.forward(ids[i]);
    golden_seconds += golden_clock.seconds();
    const Stopwatch reference_clock;
    const std::span<const float> r = reference.forward(ids[i]);
    reference_seconds += reference_clock.seconds();
    const double unit =
        std::ldexp(static_cast<double>(golden.logit_scale().m), golden.logit_scale().e);
    const auto g_at = [&](std::size_t k) { return golden.logits()[k] * unit; };
    const auto r_at = [&](std::size_t k) { return static_cast<double>(r[k]); };
    const Normaliser g = normalise(r.size(), g_at);
    const Normaliser f = normalise(r.size(), r_at);
    for (std::size_t k = 0; k < r.size(); ++k) {
      const double log_p = r_at(k) - f.log_sum;
      kl += std::exp(log_p) * (log_p - (g_at(k) - g.log_sum));
    }
    const auto next = static_cast<std::size_t>(ids[i + 1]);
    golden_nats -= g_at(next) - g.log_sum;
    reference_nats -= r_at(next) - f.log_sum;
    agree += g.best == f.best;
    progress.update(i + 1,
                    fmt::format("{:.0f} tokens/s",
                                static_cast<double>(i + 1) / (golden_seconds + reference_seconds)));
  }
  const auto count = static_cast<double>(n);
  const double golden_ppl = std::exp(golden_nats / count);
  const double reference_ppl = std::exp(reference_nats / count);
  const double change = golden_ppl / reference_ppl - 1;
  const double top1 = static_cast<double>(agree) / count;
  if (o.common.json) {
    fmt::print("{}\n", nlohmann::json{{"tokens", n},
                                      {"golden_nats", golden_nats / count},
                                      {"reference_nats", reference_nats / count},
                                      {"golden_perplexity", golden_ppl},
                                      {"reference_perplexity", reference_ppl},
                                      {"perplexity_change", change},
                                      {"kl_nats", kl / count},
                                      {"top1_agreement", top1},
                                      {"saturations", golden.saturations()},
                                      {"golden_tokens_per_second", count / golden_seconds},
                                      {"reference_tokens_per_second", count / reference_seconds}}
                           .dump());
    return 0;
  }
  fmt::print("{} tokens of {}\n", n, o.text.string());
  fmt::print("  perplexity      golden {:.4f}, float32 reference {:.4f}: {:+.4f} %\n", golden_ppl,
             reference_ppl, 100 * change);
  fmt::print("  KL divergence   {:.6f} nat\n", kl / count);
  fmt::print("  top-1 agreement {:.3f} %\n", 100 * top1);
  if (!o.common.quiet) {
    fmt::print(stderr, "golden {:.0f} tokens/s, reference {:.0f} tokens/s, one thread\n",
               count / golden_seconds, count / reference_seconds);
  }
  return 0;
}

}  // namespace

void add_eval(CLI::App& app, Action& action) {
  auto o = std::make_shared<EvalOptions>();
  CLI::App* sub = app.add_subcommand(
      "eval",
      "Score a text with the golden model and the float32 reference: perplexity, KL, agreement");
  add_model_options(*sub, o->common);
  add_context_option(*sub, o->common);
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
  sub->callback([o, &action] { action = [o] { return eval(*o); }; });
}

}  // namespace tern::cli
