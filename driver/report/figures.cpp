// SPDX-License-Identifier: Apache-2.0
#include "figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "peers.hpp"
#include "spec/numerics/layout.hpp"

namespace tern::report {

using nlohmann::json;

namespace {

double per_token(uint64_t count, const Token& token) {
  return static_cast<double>(count) / token.tokens;
}

json energy_row(const energy::Term& term) {
  return {{"name", term.name},
          {"part", energy::name_of(term.unit)},
          {"millijoules", 1e3 * term.joules},
          {"tag", energy::name_of(term.tag)},
          {"recalled", term.recalled},
          {"how", term.how}};
}

json optional(const std::optional<double>& value) { return value ? json(*value) : json(nullptr); }

}  // namespace

double millijoules(const Token& token) { return 1e3 * token.energy.joules(); }

double memory_share(const Estimator& e, const Token& token) {
  const double bytes =
      per_token(token.activity.memory_read_bytes + token.activity.memory_write_bytes, token);
  return bytes / token.seconds / (e.memory().config.peak_gb_per_second() * 1e9);
}

json cycles_figure(const Token& t) {
  const Counters& c = t.counters;
  const std::pair<const char*, uint64_t> causes[] = {{"matrix beats", c.beats},
                                                     {"loads", c.load_beats},
                                                     {"waiting for memory", c.stall_read},
                                                     {"for accumulators", c.stall_drain},
                                                     {"for other units", c.stall_wait},
                                                     {"for commands", c.stall_idle}};
  json rows;
  for (const auto& [name, count] : causes) {
    const double cycles = per_token(count, t);
    rows.push_back({{"name", name}, {"cycles", cycles}, {"share", 100 * cycles / t.cycles}});
  }
  return {
      {"kind", "cycles"},
      {"rows", rows},
      {"note",
       "What the matrix engine did in each cycle of a decoded token, by the performance model."}};
}

json operations_figure(const Token& t) {
  json rows;
  for (std::size_t i = 0; i < estimate::kOperations; ++i) {
    const estimate::Share& s = t.operations[i];
    if (s.cycles == 0) continue;
    rows.push_back({{"name", estimate::name_of(static_cast<estimate::Operation>(i))},
                    {"cycles", s.cycles},
                    {"beats", std::min(s.beats(), s.cycles)}});
  }
  return {
      {"kind", "operations"},
      {"rows", rows},
      {"note", "From the end of the matrix before to the end of its own, all layers together."}};
}

json units_figure(const Token& t) {
  const Counters& c = t.counters;
  const double all = t.cycles * t.tokens;
  const auto share = [&](uint64_t cycles) { return 100 * static_cast<double>(cycles) / all; };
  const json rows = {
      {{"name", "stream and matrix engine"}, {"share", share(c.beats + c.load_beats)}},
      {{"name", "vector unit"}, {"share", share(c.vector_busy)}},
      {{"name", "store unit"}, {"share", share(c.store_beats)}}};
  return {{"kind", "units"},
          {"rows", rows},
          {"note", "Cycles in which a unit moves or computes something."}};
}

json energy_figure(const Token& t) {
  std::vector<energy::Term> terms = t.energy.terms;
  std::ranges::sort(terms, std::ranges::greater{}, &energy::Term::joules);
  // The small ones of a part of the chip in one row.
  constexpr std::size_t kShown = 11;
  std::map<energy::Unit, energy::Term> others;
  json rows;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const energy::Term& term = terms[i];
    if (i < kShown) {
      rows.push_back(energy_row(term));
      continue;
    }
    energy::Term& sum =
        others
            .try_emplace(
                term.unit,
                energy::Term{term.unit, "others, " + std::string(energy::name_of(term.unit))})
            .first->second;
    sum.joules += term.joules;
    sum.tag = std::max(sum.tag, term.tag);
    sum.recalled = sum.recalled || term.recalled;
  }
  for (const auto& [unit, sum] : others) rows.push_back(energy_row(sum));
  json parts;
  for (int u = 0; u < energy::kUnits; ++u)
    parts.push_back(energy::name_of(static_cast<energy::Unit>(u)));
  std::string note = "Counts of the performance model times the energies of docs/energy.md.";
  for (const std::string& missing : t.energy.missing) note += " Not in it: " + missing + ".";
  return {{"kind", "energy"}, {"rows", rows}, {"parts", parts}, {"note", note}};
}

json energy_operations_figure(const Token& t) {
  json rows;
  for (std::size_t i = 0; i < estimate::kOperations; ++i) {
    const estimate::Share& s = t.operations[i];
    if (s.joules > 0)
      rows.push_back({{"name", estimate::name_of(static_cast<estimate::Operation>(i))},
                      {"millijoules", 1e3 * s.joules}});
  }
  rows.push_back({{"name", "controller and standby"}, {"millijoules", 1e3 * t.other_joules}});
  return {{"kind", "energy_operations"},
          {"rows", rows},
          {"note",
           "What the commands of each operation stream, compute and store; and what belongs to no "
           "command: the controller, leakage, refresh and standby."}};
}

json traffic_figure(const Token& t) {
  using estimate::Operation;
  std::array<double, 4> megabytes{};
  constexpr const char* kNames[] = {"weights", "head", "keys and values",
                                    "gains, scales, embedding"};
  for (std::size_t i = 0; i < estimate::kOperations; ++i) {
    const auto o = static_cast<Operation>(i);
    const std::size_t to = o == Operation::kHead                             ? 1
                           : o == Operation::kScores || o == Operation::kMix ? 2
                           : o == Operation::kEmbedding                      ? 3
                                                                             : 0;
    megabytes[to] += per_token(t.operations[i].activity.memory_read_bytes, t) * 1e-6;
  }
  json rows;
  for (std::size_t i = 0; i < megabytes.size(); ++i)
    rows.push_back({{"name", kNames[i]}, {"megabytes", megabytes[i]}});
  rows.push_back(
      {{"name", "written"}, {"megabytes", per_token(t.activity.memory_write_bytes, t) * 1e-6}});
  return {{"kind", "traffic"},
          {"rows", rows},
          {"note", "Bytes between memory and chip for one decoded token."}};
}

json roofline_figure(const Estimator& e, const Token& decode, const Token& prefill) {
  const double bandwidth = e.memory().config.peak_gb_per_second();
  const spec::ChipConfig& chip = e.chip().chip;
  const double trees = double{1.0 * chip.trees} / spec::kTritsPerByte;
  const auto peak = [&](double columns) {
    return e.chip_mhz() * 1e-3 * chip.columns * spec::kTritsPerByte * columns;
  };
  const auto point = [&](const char* name, const Token& t) {
    const double bytes = per_token(t.activity.memory_read_bytes, t);
    return json{{"name", name},
                {"intensity", e.trit_macs(t) / bytes},
                {"gmacs", e.trit_macs(t) / t.seconds * 1e-9}};
  };
  const json points = {point("decode", decode), point("prefill", prefill)};
  double from = 1, to = 200;
  for (const json& p : points) {
    from = std::min(from, p["intensity"].get<double>() / 2);
    to = std::max(to, p["intensity"].get<double>() * 2);
  }
  json roofs = {{{"name", "memory"}, {"line", {{from, from * bandwidth}, {to, to * bandwidth}}}}};
  const auto roof = [&](std::string name, double columns) {
    roofs.push_back(
        {{"name", std::move(name)}, {"line", {{from, peak(columns)}, {to, peak(columns)}}}});
  };
  const double used = e.array_use(decode);
  roof(fmt::format("array, {:.2f} columns as decoding", used), used);
  roof(fmt::format("array, {} column{}", chip.act_columns, chip.act_columns == 1 ? "" : "s"),
       chip.act_columns * trees);
  return {{"kind", "roofline"},
          {"roofs", roofs},
          {"from", from},
          {"to", to},
          {"points", points},
          {"note",
           "A byte of weights is five trits; each is used once by every activation column. "
           "Decoding uses one column for weights and more for the queries that share keys and "
           "values; its own roof is the mean over its beats."}};
}

json context_figure(const std::vector<Token>& tokens) {
  json rows;
  for (const Token& t : tokens)
    rows.push_back({{"context", t.context},
                    {"tokens_per_second", 1 / t.seconds},
                    {"millijoules", millijoules(t)},
                    {"cycles", t.cycles}});
  return {{"kind", "context"},
          {"rows", rows},
          {"note", "Decoding, one token at a time; keys and values are read again for each."}};
}

json peers_figure(const Estimator& e, const Token& token, bool same_model) {
  const double share = memory_share(e, token);
  const double bytes = per_token(token.activity.memory_read_bytes, token);
  json rows;
  for (const Peer& peer : peers()) {
    json row = {{"name", peer.name},
                {"what", peer.what},
                {"gb_per_second", optional(peer.gb_per_second)},
                {"tokens_per_second", peer.tokens_per_second},
                {"share", optional(peer.share)},
                {"tag", peer.share ? std::string(peer.tag) : "published"},
                {"joules_per_token", optional(peer.joules_per_token)},
                {"source", peer.source},
                {"ours", peer.share ? json(100 * share) : json(nullptr)},
                {"ours_tokens_per_second", nullptr}};
    if (same_model && peer.same_model)
      row["ours_tokens_per_second"] = share * *peer.gb_per_second * 1e9 / bytes;
    rows.push_back(std::move(row));
  }
  return {
      {"kind", "peers"},
      {"rows", rows},
      {"note",
       "What part of the tokens that its memory would allow a machine reaches. The peers' figures "
       "are their own; ours are projected: the share of this report on the peer's bandwidth. Peers "
       "whose share cannot be told from what they publish have no bars, only a row in the table."}};
}

json timeline_figure(const Estimator& e) {
  // A layer in the middle, whose neighbours look the same.
  const std::vector<uint64_t> begins = e.layer_begins();
  const std::size_t layer = begins.size() > 2 ? (begins.size() - 1) / 2 : 0;
  const uint64_t from = begins[layer], to = begins[layer + 1 < begins.size() ? layer + 1 : layer];
  json spans = json::array();
  constexpr std::size_t kMostSpans = 4000;
  for (const estimate::Busy& b : e.timeline(from, to)) {
    if (spans.size() == kMostSpans) break;
    spans.push_back({b.unit, b.begin - from, b.end - from, b.label});
  }
  return {{"kind", "timeline"},
          {"units", {"stream and matrix engine", "vector unit", "store unit"}},
          {"cycles", to - from},
          {"spans", spans},
          {"note", fmt::format("Layer {} of a decoded token, from its first matrix to that of the "
                               "next. Scroll to zoom.",
                               layer)}};
}

}  // namespace tern::report
