// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "io/image_parts.hpp"
#include "options.hpp"
#include "output.hpp"

namespace tern::cli {
namespace {

/// The configuration of the model's image: the backend's if one is named.
const spec::ChipConfig& chip_of(const Options& o) {
  std::string name = o.config.empty() ? "edge" : o.config;
  if (!o.backend.empty()) {
    const auto found = Device::open(o.backend)->config();
    if (found && !o.config.empty() && o.config != found->name) {
      throw Error("backend {} has configuration {}, --config says {}; leave one out", o.backend,
                  found->name, o.config);
    }
    if (found) name = found->name;
  }
  return io::find_config(name);
}

io::MatrixFormat format_of(const spec::MatrixDescriptor& m) {
  return {static_cast<spec::Layout>(m.layout), m.planes, static_cast<spec::Group>(m.group)};
}

/// The forms of the linear layers, which all layers share.
std::string describe_forms(const spec::LayerDescriptor& l) {
  std::vector<std::string> forms;
  for (const spec::MatrixDescriptor& d : l.matrix) forms.push_back(io::format_name(format_of(d)));
  std::ranges::sort(forms);
  forms.erase(std::unique(forms.begin(), forms.end()), forms.end());
  return fmt::format("{}", fmt::join(forms, "; "));
}

std::string describe_embedding(const spec::ModelDescriptor& m) {
  const uint32_t columns = spec::group_columns(static_cast<spec::Group>(m.embedding_group));
  if (columns == 0) return "int16";
  return fmt::format("trits, a scale for {} columns of a row", columns);
}

int info(const Options& o) {
  const spec::ChipConfig& chip = chip_of(o);
  const LoadedModel loaded =
      load_model(o.backend.empty() ? for_golden(model_options(o)) : model_options(o), chip);
  const io::Image& image = *loaded.image;
  const spec::ModelDescriptor& m = image.model();
  const uint64_t head = uint64_t{m.head.beats} * image.columns();
  const uint64_t weights = image.stream_bytes(0) - head;
  const auto kv = [&](uint32_t tokens) { return image.stream_bytes(tokens) - weights - head; };
  const uint64_t trits = [&] {
    uint64_t n = 0;
    for (uint32_t i = 0; i < m.layers; ++i) {
      for (const spec::MatrixDescriptor& d : image.layer(i).matrix) n += uint64_t{d.rows} * d.cols;
    }
    return n;
  }();
  const double weight_bits = 8.0 * static_cast<double>(weights) / static_cast<double>(trits);
  if (o.json) {
    nlohmann::json out = {{"file", o.model.string()},
                          {"name", image.name()},
                          {"config", chip.name},
                          {"layers", m.layers},
                          {"hidden", m.hidden},
                          {"heads", m.heads},
                          {"kv_heads", m.kv_heads},
                          {"head_dim", m.head_dim},
                          {"ffn", m.ffn},
                          {"vocab", m.vocab},
                          {"context", m.context},
                          {"ternary_weights", trits},
                          {"linear_layers", describe_forms(image.layer(0))},
                          {"embedding", describe_embedding(m)},
                          {"head", io::format_name(format_of(m.head))},
                          {"beat_bytes", image.columns()},
                          {"image_bytes", image.bytes().size()},
                          {"memory_bytes", m.work_offset},
                          {"bits_per_weight", weight_bits},
                          {"weight_bytes_per_token", weights},
                          {"head_bytes_per_token", head},
                          {"kv_bytes_per_token_at_full_context", kv(m.context)}};
    say_json(out);
    return 0;
  }
  say("{} ({})\n", plain_line(image.name()), plain_line(o.model.string()));
  say("  {} layers, hidden {}, {} heads ({} KV) of {}, ffn {}, vocabulary {}, context {}\n",
      m.layers, m.hidden, m.heads, m.kv_heads, m.head_dim, m.ffn, m.vocab, m.context);
  say("  {} weights of linear layers ({}), {:.3f} bits each as streamed\n", trits,
      describe_forms(image.layer(0)), weight_bits);
  say("  embedding: {}; head: {}\n", describe_embedding(m), io::format_name(format_of(m.head)));
  if (!o.backend.empty()) {
    say("{} is a chip of configuration {}: {} columns, {} activation columns, {} lanes\n",
        plain_line(o.backend), chip.name, chip.columns, chip.act_columns, chip.lanes);
  }
  say("Image for beats of {} bytes: {} bytes; with the KV cache {} bytes of memory\n",
      image.columns(), image.bytes().size(), m.work_offset);
  say("Traffic of a decoded token in bytes (derived):\n");
  say("  {:>10} {:>12} {:>12} {:>12} {:>12} {:>10}\n", "context", "weights", "head", "KV", "all",
      "beats");
  for (uint32_t tokens : {1u, m.context / 2, m.context}) {
    say("  {:>10} {:>12} {:>12} {:>12} {:>12} {:>10}\n", tokens, weights, head, kv(tokens),
        image.stream_bytes(tokens), image.stream_bytes(tokens) / image.columns());
  }
  return 0;
}

}  // namespace

void add_info(CLI::App& app, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App* sub = app.add_subcommand("info", "Say what a model is and what a token of it moves");
  add_model_options(*sub, *o);
  add_context_option(*sub, *o);
  o->backend.clear();
  sub->add_option("--backend", o->backend,
                  "Say what chip is there, and take its configuration; as in tern run");
  add_output_options(*sub, *o);
  sub->callback([o, &action] { action = [o] { return info(*o); }; });
}

}  // namespace tern::cli
