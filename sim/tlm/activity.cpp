// SPDX-License-Identifier: Apache-2.0
#include "activity.hpp"

#include <fmt/format.h>

#include <bit>

namespace tern::tlm {

namespace {

constexpr std::size_t kCounts = sizeof(Activity) / sizeof(uint64_t);
using Words = std::array<uint64_t, kCounts>;
static_assert(sizeof(Activity) == sizeof(Words), "an Activity is counts and nothing else");

}  // namespace

Activity operator-(const Activity& after, const Activity& before) {
  Words a = std::bit_cast<Words>(after);
  const Words b = std::bit_cast<Words>(before);
  for (std::size_t i = 0; i < kCounts; ++i) a[i] -= b[i];
  return std::bit_cast<Activity>(a);
}

Activity& operator+=(Activity& sum, const Activity& more) {
  Words a = std::bit_cast<Words>(sum);
  const Words b = std::bit_cast<Words>(more);
  for (std::size_t i = 0; i < kCounts; ++i) a[i] += b[i];
  return sum = std::bit_cast<Activity>(a);
}

Activity of_controller(const Activity& activity) {
  Activity out;
  for (const auto count :
       {&Activity::scratch_controller_accesses, &Activity::instructions,
        &Activity::controller_loads, &Activity::controller_stores, &Activity::controller_multiplies,
        &Activity::controller_divides, &Activity::device_reads, &Activity::device_writes,
        &Activity::controller_stalls, &Activity::controller_polls})
    out.*count = activity.*count;
  return out;
}

std::vector<std::pair<std::string, uint64_t>> named(const Activity& a) {
  std::vector<std::pair<std::string, uint64_t>> out;
  for (uint32_t layout = 0; layout < spec::kLayoutCount; ++layout) {
    for (std::size_t m = 0; m < a.matrix_beats[layout].size(); ++m) {
      if (a.matrix_beats[layout][m] == 0) continue;
      out.emplace_back(
          fmt::format("matrix_beats.{}.{}", spec::name_of(static_cast<spec::Layout>(layout)), m),
          a.matrix_beats[layout][m]);
    }
  }
  const auto add_ops = [&]<typename Op>(const char* name, const auto& counts, Op) {
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      out.emplace_back(fmt::format("{}.{}", name, spec::name_of(static_cast<Op>(i))), counts[i]);
    }
  };
  add_ops("vector_elements", a.vector_elements, spec::VectorOp{});
  add_ops("vector_lines", a.vector_lines, spec::VectorOp{});
  add_ops("scalar_rows", a.scalar_rows, spec::ScalarOp{});
  const std::pair<const char*, uint64_t Activity::*> rest[] = {
      {"scale_beats", &Activity::scale_beats},
      {"load_beats", &Activity::load_beats},
      {"act_tile_reads", &Activity::act_tile_reads},
      {"act_line_writes", &Activity::act_line_writes},
      {"acc_updates", &Activity::acc_updates},
      {"acc_reads", &Activity::acc_reads},
      {"scratch_vector_reads", &Activity::scratch_vector_reads},
      {"scratch_vector_read_words", &Activity::scratch_vector_read_words},
      {"scratch_vector_writes", &Activity::scratch_vector_writes},
      {"scratch_vector_write_words", &Activity::scratch_vector_write_words},
      {"scratch_result_writes", &Activity::scratch_result_writes},
      {"scratch_result_words", &Activity::scratch_result_words},
      {"scratch_load_writes", &Activity::scratch_load_writes},
      {"scratch_load_words", &Activity::scratch_load_words},
      {"scratch_store_reads", &Activity::scratch_store_reads},
      {"scratch_store_words", &Activity::scratch_store_words},
      {"scratch_controller_accesses", &Activity::scratch_controller_accesses},
      {"reduced_elements", &Activity::reduced_elements},
      {"instructions", &Activity::instructions},
      {"controller_loads", &Activity::controller_loads},
      {"controller_stores", &Activity::controller_stores},
      {"controller_multiplies", &Activity::controller_multiplies},
      {"controller_divides", &Activity::controller_divides},
      {"device_reads", &Activity::device_reads},
      {"device_writes", &Activity::device_writes},
      {"controller_stalls", &Activity::controller_stalls},
      {"controller_polls", &Activity::controller_polls},
      {"commands", &Activity::commands},
      {"fifo_beats", &Activity::fifo_beats},
      {"memory_read_bursts", &Activity::memory_read_bursts},
      {"memory_read_bytes", &Activity::memory_read_bytes},
      {"memory_write_bursts", &Activity::memory_write_bursts},
      {"memory_write_bytes", &Activity::memory_write_bytes},
  };
  for (const auto& [name, member] : rest) out.emplace_back(name, a.*member);
  return out;
}

}  // namespace tern::tlm
