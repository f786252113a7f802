// SPDX-License-Identifier: Apache-2.0
#include "sweep_journal.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <fstream>

#include "build_info.hpp"
#include "io/atomic_file.hpp"
#include "io/error.hpp"
#include "io/file_status.hpp"

namespace tern::sweep {

using nlohmann::json;

namespace {

std::string line_of(const json& j) {
  return j.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

/// A number that tells plans apart by their points and their order.
std::string digest_of(const Plan& plan) {
  std::string keys;
  for (const Point& p : plan.points) keys += p.key() + "\n";
  return fmt::format("{:016x}", XXH3_64bits(keys.data(), keys.size()));
}

Result result_of(const json& j) {
  Result r;
  r.point = point_of(j.at("point"));
  j.at("chip_mhz").get_to(r.chip_mhz);
  if (j.contains("error")) {
    j.at("error").get_to(r.error);
    return r;
  }
  j.at("cycles_per_token").get_to(r.cycles_per_token);
  j.at("tokens_per_second").get_to(r.tokens_per_second);
  j.at("joules_per_token").get_to(r.joules_per_token);
  j.at("watts").get_to(r.watts);
  j.at("memory_share").get_to(r.memory_share);
  j.at("joules").get_to(r.joules);
  return r;
}

}  // namespace

json result_json(const Result& r) {
  json out = {{"point", r.point.to_json()}, {"ok", r.ok()}, {"chip_mhz", r.chip_mhz}};
  if (!r.ok()) {
    out["error"] = r.error;
    return out;
  }
  out.update({{"cycles_per_token", r.cycles_per_token},
              {"tokens_per_second", r.tokens_per_second},
              {"joules_per_token", r.joules_per_token},
              {"watts", r.watts},
              {"memory_share", r.memory_share},
              {"joules", r.joules}});
  return out;
}

/// Takes the lines of a file over; false when not all of it is whole.
bool Journal::read(const json& head) {
  bool whole = true, named = false;
  std::ifstream in(file_);
  for (std::string line; std::getline(in, line);) {
    const json j = json::parse(line, nullptr, false);
    if (!j.is_object() || in.eof()) {  // cut off
      whole = false;
      continue;
    }
    if (!named) {
      check_head(j, head);
      date_ = j.value("date", date_);
      named = true;
      continue;
    }
    try {
      Result result = result_of(j);
      std::string key = result.point.key();
      lines_.insert_or_assign(std::move(key), std::move(result));
    } catch (const json::exception&) {
      whole = false;
    }
  }
  return whole && named;
}

void Journal::check_head(const json& found, const json& head) const {
  const auto refuse = [&](const std::string& what) {
    throw Error("{} holds results of another {}; choose another folder, or remove the old results",
                file_.parent_path().string(), what);
  };
  if (!found.contains("sweep") || found.value("tern", json()) != head.at("tern"))
    refuse(fmt::format("program, tern {}; this is {}", found.value("tern", json("of old")).dump(),
                       head.at("tern").dump()));
  if (found.at("sweep") != head.at("sweep"))
    refuse(fmt::format("plan, of {} points", found.value("points", json()).dump()));
}

Journal::Journal(const std::filesystem::path& folder, const Plan& plan)
    : file_(folder / "points.jsonl"), date_(cli::today()) {
  json head = {
      {"sweep", digest_of(plan)}, {"points", plan.points.size()}, {"tern", cli::build_info()}};
  if (io::path_exists(file_)) {
    if (read(head)) return;
  } else {
    for (const char* name : {"sweep.csv", "sweep.json", "sweep.html"}) {
      if (io::path_exists(folder / name))
        throw Error(
            "{} exists, without a points.jsonl that says what it is of; choose another folder",
            (folder / name).string());
    }
  }
  // Begun, or mended, as a whole: what is appended must not stand behind half a line.
  head["date"] = date_;
  std::string text = line_of(head);
  for (const auto& [key, result] : lines_) text += line_of(result_json(result));
  io::write_file(file_, std::as_bytes(std::span(text)));
}

void Journal::add(const Result& result) {
  std::ofstream out(file_, std::ios::app);
  out << line_of(result_json(result)) << std::flush;
  if (!out) throw Error("{}: cannot be written", file_.string());
  lines_.emplace(result.point.key(), result);
}

std::vector<Result> Journal::results(const Plan& plan) const {
  std::vector<Result> out;
  for (const Point& p : plan.points) out.push_back(lines_.at(p.key()));
  return out;
}

}  // namespace tern::sweep
