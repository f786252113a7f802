// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <mutex>
#include <thread>

#include "build_info.hpp"
#include "commands.hpp"
#include "driver/report/page.hpp"
#include "estimates.hpp"
#include "io/atomic_file.hpp"
#include "io/error.hpp"
#include "options.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "sweep_journal.hpp"
#include "sweep_output.hpp"

namespace tern::cli {
namespace {

struct SweepOptions {
  Options common;
  std::filesystem::path file;
  std::filesystem::path output;
  uint32_t threads = 0;
};

void write(const std::filesystem::path& file, const std::string& text) {
  io::write_file(file, std::as_bytes(std::span(text)));
}

/// Runs what `done` does not have yet. Each point goes to the journal as it is done.
void run_points(const SweepOptions& o, const sweep::Plan& plan, const sweep::Sources& sources,
                sweep::Journal& journal) {
  std::vector<const sweep::Point*> missing;
  for (const sweep::Point& point : plan.points)
    if (!journal.has(point)) missing.push_back(&point);
  if (missing.size() < plan.points.size() && !o.common.quiet)
    note("sweep: {} of {} points are in {}\n", plan.points.size() - missing.size(),
         plan.points.size(), journal.file().string());
  const uint32_t threads =
      o.threads > 0 ? o.threads : std::max(1u, std::thread::hardware_concurrency());
  Progress progress("sweep", missing.size(), o.common.quiet);
  std::mutex mutex;
  uint64_t done = 0;
  std::exception_ptr failure;
  boost::asio::thread_pool pool(threads);
  for (const sweep::Point* point : missing) {
    boost::asio::post(pool, [&, point] {
      {
        const std::lock_guard lock(mutex);
        if (failure) return;
      }
      try {
        const sweep::Result result = sweep::run(*point, sources);
        const std::lock_guard lock(mutex);
        journal.add(result);
        progress.update(++done);
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
      }
    });
  }
  pool.join();
  if (failure) std::rethrow_exception(failure);
}

/// What went wrong, for those who look at no file.
void print_problems(const std::vector<sweep::Result>& results, const sweep::Sources& sources) {
  constexpr std::size_t kShown = 10;
  const std::vector<sweep::Failure> failures = sweep::failures(results);
  std::size_t bad = 0;
  for (const sweep::Failure& f : failures) bad += f.points;
  if (bad > 0) note("sweep: {} of {} points cannot run:\n", bad, results.size());
  for (std::size_t i = 0; i < std::min(kShown, failures.size()); ++i)
    note("  {}: {}\n", failures[i].points, failures[i].reason);
  if (failures.size() > kShown)
    note("  and {} other reasons; sweep.csv has all\n", failures.size() - kShown);
  for (const std::string& warning : sweep::clock_warnings(results, sources)) print_warning(warning);
}

int make(const SweepOptions& o) {
  const Stopwatch clock;
  const sweep::Plan plan = sweep::load_plan(o.file);
  const sweep::Sources sources(plan);
  std::filesystem::create_directories(o.output);
  sweep::Journal journal(o.output, plan);
  run_points(o, plan, sources, journal);
  const std::vector<sweep::Result> results = journal.results(plan);
  write(o.output / "sweep.csv", sweep::to_csv(results, sources));
  const nlohmann::json all = sweep::to_json(plan, results);
  write(o.output / "sweep.json",
        all.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  nlohmann::json made = build_info();
  made["date"] = journal.date();
  write(o.output / "sweep.html", report::make_page(sweep::to_page(plan, results, sources, made)));
  if (!o.common.quiet) print_problems(results, sources);
  const auto ran = std::ranges::count_if(results, &sweep::Result::ok);
  if (o.common.json) {
    say_json(all);
  } else if (!o.common.quiet) {
    say("{} point{} in {:.1f} s, {} of which cannot run; sweep.csv, sweep.json and sweep.html "
        "are in {}\n",
        results.size(), results.size() == 1 ? "" : "s", clock.seconds(),
        results.size() - static_cast<std::size_t>(ran), o.output.string());
    for (const sweep::Result* best : sweep::pareto_front(results))
      say("  {:>9.2f} tokens/s {:>9.1f} mJ  {}\n", best->tokens_per_second,
          1e3 * best->joules_per_token, sweep::label(plan, best->point));
  }
  if (ran == 0)
    throw Error("no point can run, of {}; the first one: {}", results.size(), results[0].error);
  return 0;
}

}  // namespace

void add_sweep(CLI::App& app, Action& action) {
  auto o = std::make_shared<SweepOptions>();
  CLI::App* sub = app.add_subcommand(
      "sweep", "Speed and energy over configurations, memories, models, contexts and batches");
  sub->add_option("file", o->file, "YAML file of what to combine; see docs/report.md")
      ->required()
      ->check(CLI::ExistingFile);
  sub->add_option("-o,--output", o->output,
                  "Folder for the results; a sweep that was interrupted goes on there")
      ->required();
  sub->add_option("--threads", o->threads, "Points at a time (default: one a core)")
      ->check(CLI::Range(1, 256));
  add_output_options(*sub, o->common);
  sub->callback([o, &action] { action = [o] { return make(*o); }; });
}

}  // namespace tern::cli
