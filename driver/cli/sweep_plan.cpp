// SPDX-License-Identifier: Apache-2.0
#include "sweep_plan.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <set>

#include "backends/options.hpp"
#include "energy/technology.hpp"
#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "io/file_status.hpp"
#include "io/mapped_file.hpp"
#include "io/synth.hpp"
#include "numbers.hpp"

namespace tern::sweep {

using nlohmann::json;

namespace {

/// Lists of a plan and the fields of a point that their entries fill.
constexpr std::pair<const char*, const char*> kFields[] = {{"models", "model"},
                                                           {"layers", "layers"},
                                                           {"positions", "positions"},
                                                           {"configs", "config"},
                                                           {"drams", "dram"},
                                                           {"clock_mhz", "clock_mhz"},
                                                           {"technologies", "technology"},
                                                           {"contexts", "context"},
                                                           {"batches", "batch"}};

struct Range {
  double least, most;
};
constexpr Range kAny{-std::numeric_limits<double>::infinity(),
                     std::numeric_limits<double>::infinity()};

/// What the flags of the same meaning take.
constexpr Range range_of(const auto& flags) {
  return {static_cast<double>(flags.low), static_cast<double>(flags.high)};
}

/// A list: each of its entries fills something in of a point.
struct Axis {
  std::string name;
  std::vector<std::function<void(Point&)>> entries;
};

/// A file with its name in every message.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& file) : file_(file) {
    const io::MappedFile mapped(file);
    text_.assign(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
    try {
      root_ = YAML::Load(text_);
    } catch (const YAML::Exception& e) {
      throw Error("{}:{}: {}", file.string(), e.mark.line + 1, quote(e.msg));
    }
    if (!root_.IsMap()) throw Error("{}: expected a map of lists", file.string());
  }

  template <typename T>
  void combine(const char* name, T Point::*member, Range range = kAny, bool or_zero = false) {
    known_.insert(name);
    if (const YAML::Node node = root_[name])
      read<T>(name, node, range, or_zero, [member](Point& p, const T& v) { p.*member = v; });
  }

  void combine_parameters() {
    known_.insert("parameters");
    const YAML::Node all = root_["parameters"];
    if (!all) return;
    if (!all.IsMap()) fail(all, "parameters: expected a map of lists");
    for (const auto& entry : all) {
      const auto name = entry.first.as<std::string>();
      if (!cli::find_parameter(name)) {
        std::string names;
        for (const spec::Parameter& p : spec::kParameters) names += fmt::format(" {}", p.name);
        fail(entry.first, fmt::format("parameters: there is no {}; known:{}", quote(name), names));
      }
      read<uint32_t>(name, entry.second, {1, 1 << 20}, false,
                     [name](Point& p, uint32_t v) { p.parameters[name] = v; });
    }
  }

  /// All combinations, the first list outermost; counted before any is made.
  Plan plan() const {
    for (const auto& entry : root_) {
      const auto name = entry.first.as<std::string>();
      if (!known_.contains(name)) fail(entry.first, fmt::format("{} is not known", quote(name)));
    }
    uint64_t count = 1;
    std::string product;
    for (const Axis& axis : axes_) {
      product +=
          fmt::format("{}{} {}", product.empty() ? "" : " x ", axis.entries.size(), axis.name);
      count = count > std::numeric_limits<uint64_t>::max() / axis.entries.size()
                  ? std::numeric_limits<uint64_t>::max()
                  : count * axis.entries.size();
    }
    if (count > kMostPoints)
      throw Error(
          "{}: {} points ({}), a sweep has at most {}; shorten a list or make several plans",
          file_.string(), count, product, kMostPoints);
    Plan plan;
    plan.text = text_;
    plan.points.resize(count);
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t rest = i;
      for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
        axis->entries[rest % axis->entries.size()](plan.points[i]);
        rest /= axis->entries.size();
      }
    }
    for (const Axis& axis : axes_)
      if (axis.entries.size() > 1) plan.varied.push_back(axis.name);
    return plan;
  }

 private:
  template <typename T, typename Set>
  void read(const std::string& name, const YAML::Node& node, Range range, bool or_zero, Set set) {
    if (!node.IsSequence() || node.size() == 0)
      fail(node, fmt::format("{}: expected a list with at least one entry", name));
    Axis axis{name, {}};
    for (const YAML::Node& entry : node) {
      T value{};
      try {
        value = entry.as<T>();
      } catch (const YAML::Exception&) {
        fail(entry, fmt::format("{}: {} is not of the right kind", name, quote(entry.Scalar())));
      }
      if constexpr (std::is_arithmetic_v<T>) {
        const auto number = static_cast<double>(value);
        if (!(number >= range.least && number <= range.most) && !(or_zero && number == 0))
          fail(entry, fmt::format("{}: {} is out of range: {} to {}{}", name, quote(entry.Scalar()),
                                  range.least, range.most, or_zero ? ", or 0" : ""));
      }
      axis.entries.push_back([set, value](Point& p) { set(p, value); });
    }
    axes_.push_back(std::move(axis));
  }
  [[noreturn]] void fail(const YAML::Node& node, const std::string& why) const {
    throw Error("{}:{}: {}", file_.string(), node.Mark().line + 1, why);
  }

  std::filesystem::path file_;
  std::string text_;
  YAML::Node root_;
  std::set<std::string> known_;
  std::vector<Axis> axes_;
};

/// Names are wrong everywhere or nowhere: said before anything runs.
void check_names(const Plan& plan) {
  std::set<std::string> models, configs, technologies;
  for (const Point& p : plan.points) {
    if (configs.insert(p.config).second) io::find_config(p.config);
    if (technologies.insert(p.technology).second) energy::load_technology(p.technology);
    if (models.insert(p.model).second && !io::path_exists(p.model)) io::find_preset(p.model);
  }
}

}  // namespace

json Point::to_json() const {
  return {{"model", model},         {"layers", layers},         {"positions", positions},
          {"config", config},       {"parameters", parameters}, {"dram", dram},
          {"clock_mhz", clock_mhz}, {"technology", technology}, {"context", context},
          {"batch", batch}};
}

std::string Point::key() const {
  return to_json().dump(-1, ' ', false, json::error_handler_t::replace);
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

Plan load_plan(const std::filesystem::path& file) try {
  Reader reader(file);
  reader.combine("models", &Point::model);
  reader.combine("layers", &Point::layers, range_of(cli::kLayers), true);
  reader.combine("positions", &Point::positions, range_of(cli::kPositions), true);
  reader.combine("configs", &Point::config);
  reader.combine_parameters();
  reader.combine("drams", &Point::dram);
  reader.combine("clock_mhz", &Point::clock_mhz, range_of(sim::kClockRange), true);
  reader.combine("technologies", &Point::technology);
  reader.combine("contexts", &Point::context, range_of(cli::kTokensOrNone));
  reader.combine("batches", &Point::batch, range_of(cli::kSequences));
  Plan plan = reader.plan();
  check_names(plan);
  return plan;
} catch (const YAML::Exception& e) {  // a key that is a list or a map
  throw Error("{}:{}: {}", file.string(), e.mark.line + 1, quote(e.msg));
}

std::string label(const Plan& plan, const Point& point) {
  const json all = point.to_json();
  std::string out;
  for (const std::string& name : plan.varied) {
    const auto field =
        std::ranges::find(kFields, name, [](const auto& f) { return std::string(f.first); });
    const json& value = field == std::end(kFields) ? all["parameters"][name] : all[field->second];
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name,
                       value.is_string() ? value.get<std::string>() : value.dump());
  }
  return out.empty() ? "the only point" : out;
}

}  // namespace tern::sweep
