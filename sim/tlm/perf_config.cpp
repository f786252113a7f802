#include "perf_config.hpp"

#include "io/error.hpp"

namespace tern::tlm {

void check(const PerfConfig& config) {
  const spec::ChipConfig& c = config.chip;
  const auto require = [&](bool good, const char* field, uint64_t value, const char* expected) {
    if (!good)
      throw Error("performance model: {} is {}, which the RTL does not take: {}", field, value,
                  expected);
  };
  const auto power_of_two = [](uint32_t v) { return v != 0 && (v & (v - 1)) == 0; };
  require(power_of_two(c.columns) && c.columns >= 8 && c.columns <= 64, "columns", c.columns,
          "a power of two, 8 to 64");
  require(power_of_two(c.lanes) && c.lanes >= 4 && c.lanes <= c.columns, "lanes", c.lanes,
          "a power of two, 4 to the columns");
  require(c.trees == 5 || (c.trees == 8 && c.sign_weights), "trees", c.trees,
          "5, or 8 where there are signs");
  require(c.act_columns >= 1 && c.act_columns <= 8, "act_columns", c.act_columns, "1 to 8");
  require(c.acc_depth >= 2 && c.acc_depth <= 256, "acc_depth", c.acc_depth, "2 to 256");
  require(c.act_depth >= 1 && c.act_depth <= 4096, "act_depth", c.act_depth, "1 to 4096");
  require(c.burst_beats >= 2 && 4096 % (c.burst_beats * c.columns) == 0, "burst_beats",
          c.burst_beats, "at least 2, and bursts that divide 4 KiB");
  require(c.fifo_beats >= 2 * c.burst_beats, "fifo_beats", c.fifo_beats, "at least two bursts");
  require(c.cmd_depth >= 2, "cmd_depth", c.cmd_depth, "at least 2");
  require(c.row_block >= 1 && c.row_block <= c.acc_depth, "row_block", c.row_block,
          "1 to acc_depth");
  require(c.key_block >= 5 && c.key_block % 5 == 0 && c.key_block <= 5 * c.acc_depth, "key_block",
          c.key_block, "a multiple of 5, to 5 acc_depth");
  require(c.scratch_words % 64 == 0 && c.scratch_words % c.lanes == 0 && c.scratch_words <= 1 << 20,
          "scratch_words", c.scratch_words, "a multiple of 64, to 2^20");
  require(config.memory.read_latency >= 1, "read_latency", config.memory.read_latency,
          "at least 1");
  require(config.memory.write_latency >= 1, "write_latency", config.memory.write_latency,
          "at least 1");
  require(config.memory.max_outstanding >= 1 && config.memory.max_outstanding <= 64,
          "max_outstanding", config.memory.max_outstanding, "1 to 64");
}

}  // namespace tern::tlm
