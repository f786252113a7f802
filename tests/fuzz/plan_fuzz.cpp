// SPDX-License-Identifier: Apache-2.0
#include "dram/presets.hpp"
#include "io/error.hpp"
#include "sweep_points.hpp"
#include "target.hpp"

/// A plan of a sweep, and the same text as the description of a memory. What a plan takes is
/// bounded by the points that it may have and not by its text.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tern;
  const fuzz::TimeBound time;
  const fuzz::InputFile file({data, size});
  try {
    const sweep::Plan plan = sweep::load_plan(file.path());
    for (const sweep::Point& point : plan.points) sweep::label(plan, point);
  } catch (const Error& e) {
    fuzz::check_message(e.what());
  }
  try {
    dram::load_preset_file(file.path().string());
  } catch (const Error& e) {
    fuzz::check_message(e.what());
  }
  return 0;
}
