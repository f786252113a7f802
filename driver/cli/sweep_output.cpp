// SPDX-License-Identifier: Apache-2.0
#include "sweep_output.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sweep_journal.hpp"

namespace tern::sweep {

using nlohmann::json;

namespace {

std::string quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2)
    text.insert(at, 1, '"');
  return '"' + text + '"';
}

/// Every point with its name and figures, as far as it runs.
json page_points(const Plan& plan, const std::vector<Result>& results,
                 const std::vector<const Result*>& front) {
  json points = json::array();
  for (const Result& r : results) {
    if (!r.ok()) continue;
    points.push_back({{"name", label(plan, r.point)},
                      {"tokens_per_second", r.tokens_per_second},
                      {"millijoules", 1e3 * r.joules_per_token},
                      {"best", std::ranges::find(front, &r) != front.end()}});
  }
  std::stable_sort(points.begin(), points.end(), [](const json& a, const json& b) {
    return a["tokens_per_second"].get<double>() < b["tokens_per_second"].get<double>();
  });
  return points;
}

json page_headline(const std::vector<Result>& results, const std::vector<const Result*>& front) {
  const auto ran = std::ranges::count_if(results, &Result::ok);
  json out = {
      {{"label", "points that run"}, {"value", std::to_string(ran)}, {"tag", "derived"}},
      {{"label", "points that cannot"},
       {"value", std::to_string(results.size() - static_cast<std::size_t>(ran))},
       {"tag", "derived"}},
      {{"label", "on the front"}, {"value", std::to_string(front.size())}, {"tag", "derived"}}};
  if (!front.empty()) {
    out.push_back({{"label", "tokens/s, fastest"},
                   {"value", fmt::format("{:.1f}", front.back()->tokens_per_second)},
                   {"tag", "derived"}});
    out.push_back({{"label", "mJ a token, thriftiest"},
                   {"value", fmt::format("{:.1f}", 1e3 * front.front()->joules_per_token)},
                   {"tag", "projected"}});
  }
  return out;
}

}  // namespace

std::vector<Failure> failures(const std::vector<Result>& results) {
  std::vector<Failure> out;
  for (const Result& r : results) {
    if (r.ok()) continue;
    auto same = std::ranges::find(out, r.error, &Failure::reason);
    if (same == out.end()) same = out.insert(out.end(), {r.error, 0, &r});
    ++same->points;
  }
  std::ranges::stable_sort(out, std::ranges::greater{}, &Failure::points);
  return out;
}

std::vector<std::string> clock_warnings(const std::vector<Result>& results,
                                        const Sources& sources) {
  std::vector<std::pair<std::string, std::size_t>> found;
  for (const Result& r : results) {
    const std::string missed =
        energy::describe_missed_clock(sources.technology(r.point.technology), r.chip_mhz);
    if (!r.ok() || missed.empty()) continue;
    auto same = std::ranges::find(found, missed, &std::pair<std::string, std::size_t>::first);
    if (same == found.end()) same = found.insert(found.end(), {missed, 0});
    ++same->second;
  }
  std::vector<std::string> out;
  for (const auto& [missed, points] : found)
    out.push_back(fmt::format("{} of {} points: {}; their speed and energy are projected", points,
                              results.size(), missed));
  return out;
}

std::string to_csv(const std::vector<Result>& results, const Sources& sources) {
  std::string out = "model,layers,positions,config,dram,clock_mhz,technology,context,batch";
  for (const spec::Parameter& p : spec::kParameters) out += fmt::format(",{}", p.name);
  out +=
      ",ok,reason,clock_met,cycles_per_token,tokens_per_second,joules_per_token,watts,memory_share";
  constexpr std::pair<energy::Unit, const char*> kParts[] = {{energy::Unit::kCore, "core"},
                                                             {energy::Unit::kSram, "sram"},
                                                             {energy::Unit::kPhy, "phy"},
                                                             {energy::Unit::kDram, "dram"}};
  for (const auto& [unit, name] : kParts) out += fmt::format(",joules_{}", name);
  out += '\n';
  for (const Result& r : results) {
    const Point& p = r.point;
    out += fmt::format("{},{},{},{},{},{},{},{},{}", quoted(p.model), p.layers, p.positions,
                       p.config, quoted(p.dram), r.chip_mhz, p.technology, p.context, p.batch);
    const spec::ChipConfig chip = cli::chip_of(p.config, p.parameters);
    for (const spec::Parameter& parameter : spec::kParameters)
      out += fmt::format(",{}", chip.*parameter.member);
    out += fmt::format(",{},{},{}", r.ok(), r.ok() ? "" : quoted(r.error),
                       sources.technology(p.technology).too_slow_for(r.chip_mhz).empty());
    if (!r.ok()) {
      out += std::string(5 + std::size(kParts), ',') + '\n';
      continue;
    }
    out += fmt::format(",{:.1f},{:.6g},{:.6g},{:.6g},{:.6g}", r.cycles_per_token,
                       r.tokens_per_second, r.joules_per_token, r.watts, r.memory_share);
    for (const auto& [unit, name] : kParts)
      out += fmt::format(",{:.6g}", r.joules.at(std::string(energy::name_of(unit))));
    out += '\n';
  }
  return out;
}

json to_json(const Plan& plan, const std::vector<Result>& results) {
  json points = json::array();
  for (const Result& r : results) points.push_back(result_json(r));
  json front = json::array();
  for (const Result* r : pareto_front(results)) front.push_back(r->point.to_json());
  json failed = json::array();
  for (const Failure& f : failures(results))
    failed.push_back({{"reason", f.reason}, {"points", f.points}});
  return {{"varied", plan.varied},
          {"points", points},
          {"pareto", front},
          {"failures", failed},
          {"tags",
           {{"cycles_per_token", "derived"},
            {"tokens_per_second", "derived"},
            {"joules_per_token", "projected"}}}};
}

json to_page(const Plan& plan, const std::vector<Result>& results, const Sources& sources,
             const json& made) {
  const std::vector<const Result*> front = pareto_front(results);
  std::string varied;
  for (const std::string& name : plan.varied) varied += (varied.empty() ? "" : ", ") + name;
  json failed = json::array();
  for (const Failure& f : failures(results))
    failed.push_back(
        {{"reason", f.reason}, {"points", f.points}, {"first", label(plan, f.first->point)}});
  const auto bad = std::ranges::count_if(results, [](const Result& r) { return !r.ok(); });
  return {{"title", "Design-space exploration"},
          {"subtitle", fmt::format("{} points, {} of which cannot run; what differs: {}.",
                                   results.size(), bad, varied.empty() ? "nothing" : varied)},
          {"warnings", clock_warnings(results, sources)},
          {"headline", page_headline(results, front)},
          {"figures",
           {{{"kind", "pareto"},
             {"points", page_points(plan, results, front)},
             {"note", "No other point is both faster and thriftier than one on the front."}}}},
          {"failures", failed},
          {"assumptions",
           {{{"what", "cycles"},
             {"value", "performance model"},
             {"tag", "derived"},
             {"source", "docs/performance-model.md"}},
            {{"what", "energy"},
             {"value", "energy model"},
             {"tag", "projected"},
             {"recalled", true},
             {"source", "docs/energy.md"}},
            {{"what", "clock"},
             {"value", "as given, or a beat a cycle is the memory's peak"},
             {"tag", "projected"},
             {"source", "an assumption"}},
            {{"what", "act_depth"},
             {"value", "as given, or the configuration's activations at the columns of the point"},
             {"tag", "projected"},
             {"source", "an assumption"}},
            {{"what", "batch"},
             {"value", "weights shared, all else for each sequence"},
             {"tag", "projected"},
             {"source", "the firmware runs one sequence"}}}},
          {"reproduce", "tern sweep plan.yaml -o results"},
          {"plan", plan.text},
          {"made", made}};
}

}  // namespace tern::sweep
