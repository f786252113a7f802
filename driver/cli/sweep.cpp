#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <mutex>
#include <thread>

#include "commands.hpp"
#include "io/atomic_file.hpp"
#include "io/error.hpp"
#include "options.hpp"
#include "page.hpp"
#include "progress.hpp"
#include "sweep_points.hpp"

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
void run_points(const SweepOptions& o, const sweep::Plan& plan, sweep::Journal& journal) {
  std::vector<const sweep::Point*> missing;
  for (const sweep::Point& point : plan.points)
    if (!journal.has(point)) missing.push_back(&point);
  if (missing.size() < plan.points.size() && !o.common.quiet)
    fmt::print(stderr, "sweep: {} of {} points are in {}\n", plan.points.size() - missing.size(),
               plan.points.size(), journal.file().string());
  const uint32_t threads =
      o.threads > 0 ? o.threads : std::max(1u, std::thread::hardware_concurrency());
  Progress progress("sweep", missing.size(), o.common.quiet);
  std::mutex mutex;
  uint64_t done = 0;
  std::exception_ptr failure;
  boost::asio::thread_pool pool(threads);
  sweep::Memories memories(plan);
  for (const sweep::Point* point : missing) {
    boost::asio::post(pool, [&, point] {
      {
        const std::lock_guard lock(mutex);
        if (failure) return;
      }
      try {
        const sweep::Result result = sweep::run(*point, memories);
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

int make(const SweepOptions& o) {
  const Stopwatch clock;
  const sweep::Plan plan = sweep::load_plan(o.file);
  std::filesystem::create_directories(o.output);
  sweep::Journal journal(o.output / "points.jsonl");
  run_points(o, plan, journal);
  const std::vector<sweep::Result> results = journal.results(plan);
  write(o.output / "sweep.csv", sweep::to_csv(results));
  const nlohmann::json all = sweep::to_json(plan, results);
  write(o.output / "sweep.json", all.dump(1) + "\n");
  write(o.output / "sweep.html",
        report::make_page(sweep::to_page(
            plan, results, fmt::format("tern sweep {} -o {}", o.file.string(), o.output.string()))));
  if (o.common.json) {
    fmt::print("{}\n", all.dump());
  } else if (!o.common.quiet) {
    const auto bad = std::ranges::count_if(results, [](const auto& r) { return !r.error.empty(); });
    fmt::print("{} points in {:.1f} s, {} of which cannot run; sweep.csv, sweep.json and sweep.html "
               "are in {}\n",
               results.size(), clock.seconds(), bad, o.output.string());
    for (const sweep::Result* best : sweep::pareto_front(results))
      fmt::print("  {:>9.2f} tokens/s {:>9.1f} mJ  {}\n", best->tokens_per_second,
                 1e3 * best->joules_per_token, sweep::label(plan, best->point));
  }
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
  sub->add_option("-o,--output", o->output, "Folder for the results; a sweep that was interrupted goes on there")
      ->required();
  sub->add_option("--threads", o->threads, "Points at a time (default: one a core)")
      ->check(CLI::Range(1, 256));
  add_output_options(*sub, o->common);
  sub->callback([o, &action] { action = [o] { return make(*o); }; });
}

}  // namespace tern::cli
