#include "sweep_points.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "estimates.hpp"
#include "figures.hpp"
#include "io/chip_config.hpp"
#include "io/error.hpp"

namespace tern::sweep {

using nlohmann::json;

namespace {

struct Parameter {
  const char* name;
  uint32_t spec::ChipConfig::*member;
};
constexpr Parameter kParameters[] = {
    {"columns", &spec::ChipConfig::columns},         {"act_columns", &spec::ChipConfig::act_columns},
    {"acc_depth", &spec::ChipConfig::acc_depth},     {"act_depth", &spec::ChipConfig::act_depth},
    {"fifo_beats", &spec::ChipConfig::fifo_beats},   {"burst_beats", &spec::ChipConfig::burst_beats},
    {"cmd_depth", &spec::ChipConfig::cmd_depth},     {"row_block", &spec::ChipConfig::row_block},
    {"key_block", &spec::ChipConfig::key_block},     {"lanes", &spec::ChipConfig::lanes},
    {"scratch_words", &spec::ChipConfig::scratch_words}, {"trees", &spec::ChipConfig::trees}};

const Parameter* find_parameter(const std::string& name) {
  const auto found = std::ranges::find(kParameters, name, [](const Parameter& p) { return std::string(p.name); });
  return found == std::end(kParameters) ? nullptr : found;
}

/// A file with its name in every message.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& file) : file_(file) {
    try {
      root_ = YAML::LoadFile(file.string());
    } catch (const YAML::Exception& e) {
      throw Error("{}:{}: {}", file.string(), e.mark.line + 1, e.msg);
    }
    if (!root_.IsMap()) throw Error("{}: expected a map of lists", file.string());
  }

  template <typename T>
  void combine(const char* name, Plan& plan, T Point::*member) {
    known_.insert(name);
    const YAML::Node node = root_[name];
    if (!node) return;
    spread<T>(name, name, node, plan, [&](Point& p, const T& v) { p.*member = v; });
  }
  void combine_parameters(Plan& plan) {
    known_.insert("parameters");
    const YAML::Node all = root_["parameters"];
    if (!all) return;
    if (!all.IsMap()) fail(all, "parameters: expected a map of lists");
    for (const auto& entry : all) {
      const auto name = entry.first.as<std::string>();
      if (!find_parameter(name)) {
        std::string names;
        for (const Parameter& p : kParameters) names += fmt::format(" {}", p.name);
        fail(entry.first, fmt::format("parameters: there is no {}; known:{}", name, names));
      }
      spread<uint32_t>("parameters", name, entry.second, plan,
                       [&](Point& p, uint32_t v) { p.parameters[name] = v; });
    }
  }
  void check_names() const {
    for (const auto& entry : root_) {
      const auto name = entry.first.as<std::string>();
      if (!known_.contains(name)) fail(entry.first, fmt::format("{} is not known", name));
    }
  }

 private:
  template <typename T, typename Set>
  void spread(const std::string& where, const std::string& name, const YAML::Node& node, Plan& plan,
              Set set) {
    if (!node.IsSequence() || node.size() == 0)
      fail(node, fmt::format("{}: expected a list with at least one entry", name));
    std::vector<T> values;
    for (const YAML::Node& entry : node) {
      try {
        values.push_back(entry.as<T>());
      } catch (const YAML::Exception&) {
        fail(entry, fmt::format("{}: {} is not of the right kind", where, entry.Scalar()));
      }
    }
    if (values.size() > 1) plan.varied.push_back(name);
    std::vector<Point> points;
    for (const Point& point : plan.points) {
      for (const T& value : values) {
        points.push_back(point);
        set(points.back(), value);
      }
    }
    plan.points = std::move(points);
  }
  [[noreturn]] void fail(const YAML::Node& node, const std::string& why) const {
    throw Error("{}:{}: {}", file_.string(), node.Mark().line + 1, why);
  }

  std::filesystem::path file_;
  YAML::Node root_;
  std::set<std::string> known_;
};

json result_json(const Result& r) {
  json out = {{"point", r.point.to_json()}};
  if (!r.error.empty()) {
    out["error"] = r.error;
    return out;
  }
  out.update({{"chip_mhz", r.chip_mhz},
              {"cycles_per_token", r.cycles_per_token},
              {"tokens_per_second", r.tokens_per_second},
              {"joules_per_token", r.joules_per_token},
              {"watts", r.watts},
              {"memory_share", r.memory_share},
              {"joules", r.joules}});
  return out;
}

Point point_of(const json& j) {
  Point p;
  j.at("model").get_to(p.model);
  j.at("layers").get_to(p.layers);
  j.at("positions").get_to(p.positions);
  j.at("config").get_to(p.config);
  j.at("parameters").get_to(p.parameters);
  j.at("dram").get_to(p.dram);
  j.at("clock_mhz").get_to(p.clock_mhz);
  j.at("technology").get_to(p.technology);
  j.at("context").get_to(p.context);
  j.at("batch").get_to(p.batch);
  return p;
}

Result result_of(const json& j) {
  Result r;
  r.point = point_of(j.at("point"));
  if (j.contains("error")) {
    j.at("error").get_to(r.error);
    return r;
  }
  j.at("chip_mhz").get_to(r.chip_mhz);
  j.at("cycles_per_token").get_to(r.cycles_per_token);
  j.at("tokens_per_second").get_to(r.tokens_per_second);
  j.at("joules_per_token").get_to(r.joules_per_token);
  j.at("watts").get_to(r.watts);
  j.at("memory_share").get_to(r.memory_share);
  j.at("joules").get_to(r.joules);
  return r;
}

}  // namespace

json Point::to_json() const {
  return {{"model", model},   {"layers", layers},       {"positions", positions}, {"config", config},
          {"parameters", parameters}, {"dram", dram},   {"clock_mhz", clock_mhz},
          {"technology", technology}, {"context", context}, {"batch", batch}};
}

Plan load_plan(const std::filesystem::path& file) {
  Plan plan;
  plan.points.resize(1);
  Reader reader(file);
  reader.combine("models", plan, &Point::model);
  reader.combine("layers", plan, &Point::layers);
  reader.combine("positions", plan, &Point::positions);
  reader.combine("configs", plan, &Point::config);
  reader.combine_parameters(plan);
  reader.combine("drams", plan, &Point::dram);
  reader.combine("clock_mhz", plan, &Point::clock_mhz);
  reader.combine("technologies", plan, &Point::technology);
  reader.combine("contexts", plan, &Point::context);
  reader.combine("batches", plan, &Point::batch);
  reader.check_names();
  for (const Point& p : plan.points) {
    // Names are wrong everywhere or nowhere: say so before anything runs.
    io::find_config(p.config);
    energy::load_technology(p.technology);
    if (p.batch == 0) throw Error("{}: batches: 0 sequences", file.string());
  }
  return plan;
}

Memories::Memories(const Plan& plan) {
  for (const Point& p : plan.points) {
    if (!memories_.contains(p.dram)) memories_.emplace(p.dram, estimate::load_memory(p.dram));
  }
}

Result run(const Point& point, const Memories& memories) {
  Result r;
  r.point = point;
  try {
    tlm::PerfConfig chip;
    chip.chip = io::find_config(point.config);
    for (const auto& [name, value] : point.parameters)
      chip.chip.*find_parameter(name)->member = value;
    const estimate::Memory& memory = memories.find(point.dram);
    r.chip_mhz = point.clock_mhz > 0
                     ? point.clock_mhz
                     : estimate::default_clock_mhz(memory.config, chip.chip.columns);
    const energy::Technology technology = energy::load_technology(point.technology);
    const energy::Dram dram_energy = cli::find_dram_energy(point.dram);
    io::SynthOptions shape;
    shape.layers = static_cast<int>(point.layers);
    shape.context = static_cast<int>(point.positions);
    cli::Options options;
    options.quiet = true;
    estimate::Estimator estimator(cli::find_skeleton(point.model, shape, chip.chip, options), chip, memory,
                                  r.chip_mhz, technology, dram_energy);
    const estimate::Token token = estimator.batch(estimator.decode(point.context), point.batch);
    r.cycles_per_token = token.cycles;
    r.tokens_per_second = 1 / token.seconds;
    r.joules_per_token = token.energy.joules();
    r.watts = r.joules_per_token / token.seconds;
    r.memory_share = report::memory_share(estimator, token);
    for (int u = 0; u < energy::kUnits; ++u) {
      const auto unit = static_cast<energy::Unit>(u);
      r.joules[std::string(energy::name_of(unit))] = token.energy.joules(unit);
    }
  } catch (const Error& e) {
    r.error = e.what();
  }
  return r;
}

Journal::Journal(std::filesystem::path file) : file_(std::move(file)) {
  std::ifstream in(file_);
  for (std::string line; std::getline(in, line);) {
    const json j = json::parse(line, nullptr, false);
    if (j.is_discarded()) continue;  // cut off
    Result result = result_of(j);
    std::string key = result.point.key();
    lines_.emplace(std::move(key), std::move(result));
  }
}

void Journal::add(const Result& result) {
  std::ofstream out(file_, std::ios::app);
  out << result_json(result).dump() << std::endl;
  if (!out) throw Error("{}: cannot be written", file_.string());
  lines_.emplace(result.point.key(), result);
}

std::vector<Result> Journal::results(const Plan& plan) const {
  std::vector<Result> out;
  for (const Point& p : plan.points) out.push_back(lines_.at(p.key()));
  return out;
}

std::vector<const Result*> pareto_front(const std::vector<Result>& results) {
  std::vector<const Result*> sorted;
  for (const Result& r : results)
    if (r.error.empty()) sorted.push_back(&r);
  std::ranges::sort(sorted, [](const Result* a, const Result* b) {
    return std::pair(-a->tokens_per_second, a->joules_per_token) <
           std::pair(-b->tokens_per_second, b->joules_per_token);
  });
  std::vector<const Result*> front;
  for (const Result* r : sorted)
    if (front.empty() || r->joules_per_token < front.back()->joules_per_token) front.push_back(r);
  std::ranges::reverse(front);
  return front;
}

std::string label(const Plan& plan, const Point& point) {
  const json all = point.to_json();
  std::string out;
  for (const std::string& name : plan.varied) {
    const json& value = point.parameters.contains(name) ? all["parameters"][name]
                        : name == "clock_mhz"           ? all[name]
                        : name == "technologies"        ? all["technology"]
                        : name == "batches"             ? all["batch"]
                        : name == "layers" || name == "positions" ? all[name]
                                                        : all[name.substr(0, name.size() - 1)];
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name,
                       value.is_string() ? value.get<std::string>() : value.dump());
  }
  return out.empty() ? "the only point" : out;
}

std::string to_csv(const std::vector<Result>& results) {
  std::string out =
      "model,layers,positions,config,dram,clock_mhz,technology,context,batch,parameters,cycles_per_token,"
      "tokens_per_second,joules_per_token,watts,memory_share,joules_core,joules_sram,joules_phy,"
      "joules_dram,error\n";
  const auto quoted = [](std::string text) {
    for (std::size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2)
      text.insert(at, 1, '"');
    return '"' + text + '"';
  };
  for (const Result& r : results) {
    std::string parameters;
    for (const auto& [name, value] : r.point.parameters)
      parameters += fmt::format("{}{}={}", parameters.empty() ? "" : " ", name, value);
    const auto part = [&](energy::Unit unit) {
      const auto found = r.joules.find(std::string(energy::name_of(unit)));
      return found == r.joules.end() ? 0.0 : found->second;
    };
    out += fmt::format("{},{},{},{},{},{},{},{},{},{},{:.1f},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{}\n",
                       quoted(r.point.model), r.point.layers, r.point.positions, r.point.config, quoted(r.point.dram),
                       r.chip_mhz, r.point.technology, r.point.context, r.point.batch,
                       quoted(parameters), r.cycles_per_token, r.tokens_per_second,
                       r.joules_per_token, r.watts, r.memory_share, part(energy::Unit::kCore),
                       part(energy::Unit::kSram), part(energy::Unit::kPhy),
                       part(energy::Unit::kDram), quoted(r.error));
  }
  return out;
}

json to_json(const Plan& plan, const std::vector<Result>& results) {
  json points = json::array();
  for (const Result& r : results) points.push_back(result_json(r));
  json front = json::array();
  for (const Result* r : pareto_front(results)) front.push_back(r->point.to_json());
  return {{"varied", plan.varied}, {"points", points}, {"pareto", front},
          {"tags", {{"cycles_per_token", "derived"}, {"tokens_per_second", "derived"}, {"joules_per_token", "projected"}}}};
}

json to_page(const Plan& plan, const std::vector<Result>& results, const std::string& command) {
  const std::vector<const Result*> front = pareto_front(results);
  json points = json::array();
  for (const Result& r : results) {
    if (!r.error.empty()) continue;
    points.push_back({{"name", label(plan, r.point)},
                      {"tokens_per_second", r.tokens_per_second},
                      {"millijoules", 1e3 * r.joules_per_token},
                      {"best", std::ranges::find(front, &r) != front.end()}});
  }
  std::sort(points.begin(), points.end(), [](const json& a, const json& b) {
    return a["tokens_per_second"].get<double>() < b["tokens_per_second"].get<double>();
  });
  std::string varied;
  for (const std::string& name : plan.varied) varied += (varied.empty() ? "" : ", ") + name;
  json headline = {{{"label", "points"}, {"value", std::to_string(results.size())}, {"tag", "derived"}},
                   {{"label", "on the front"}, {"value", std::to_string(front.size())}, {"tag", "derived"}}};
  if (!front.empty()) {
    headline.push_back({{"label", "tokens/s, fastest"}, {"value", fmt::format("{:.1f}", front.back()->tokens_per_second)}, {"tag", "derived"}});
    headline.push_back({{"label", "mJ a token, thriftiest"}, {"value", fmt::format("{:.1f}", 1e3 * front.front()->joules_per_token)}, {"tag", "projected"}});
  }
  return {{"title", "Design-space exploration"},
          {"subtitle", fmt::format("{} points; what differs: {}.", results.size(), varied.empty() ? "nothing" : varied)},
          {"headline", headline},
          {"figures", {{{"kind", "pareto"}, {"points", points}, {"note", "No other point is both faster and thriftier than one on the front."}}}},
          {"assumptions", {{{"what", "cycles"}, {"value", "performance model"}, {"tag", "derived"}, {"source", "docs/performance-model.md"}},
                           {{"what", "energy"}, {"value", "energy model"}, {"tag", "projected"}, {"source", "docs/energy.md"}},
                           {{"what", "clock"}, {"value", "as given, or a beat a cycle is the memory's peak"}, {"tag", "projected"}, {"source", "an assumption"}},
                           {{"what", "batch"}, {"value", "weights shared, all else for each sequence"}, {"tag", "projected"}, {"source", "the firmware runs one sequence"}}}},
          {"reproduce", command}};
}

}  // namespace tern::sweep
