// SPDX-License-Identifier: Apache-2.0
#include "command_bench.hpp"
#include "spec/numerics/layout.hpp"

/// Random programs of commands on the whole chip against the untimed machine, with as few waits as
/// the machine's check of the ordering lets through, so that the units really overlap.
namespace tern::test {
namespace {

constexpr uint64_t kMemory = 4 << 20;
constexpr uint64_t kCodes = 1 << 20;   // bytes that are legal T5 codes
constexpr uint64_t kWords = 2 << 20;   // anything
constexpr uint64_t kOutput = 3 << 20;  // what STOREs write

class Program {
 public:
  Program(const char* config, double stall, uint64_t seed)
      : bench({config, "fast", {20, 8, 16, stall, seed}, {}}, kMemory),
        chip_(bench.chip.config()),
        random_(seed) {
    std::vector<std::byte> data(1 << 20);
    for (std::byte& b : data) b = static_cast<std::byte>(below(spec::kT5Codes));
    bench.write_memory(kCodes, data);
    for (std::byte& b : data) b = static_cast<std::byte>(random_());
    bench.write_memory(kWords, data);
    std::fill(data.begin(), data.end(), std::byte{0x5a});
    bench.write_memory(kOutput, data);
    initialise();
  }

  /// One random command. Waits are few first; all if those do not do.
  bool step() {
    switch (below(8)) {
      case 0:
      case 1:
        return try_issue(random_load(), spec::Unit::kLoad);
      case 2:
      case 3:
        return try_issue(random_matmul(), spec::Unit::kMatmul);
      case 4:
        return try_issue(random_store(), spec::Unit::kStore);
      case 5:
        return try_issue(random_scalar(), spec::Unit::kVector);
      default:
        return try_issue(random_vector(), spec::Unit::kVector);
    }
  }

  /// Some random commands, one by one or on a tape.
  void steps(int count) {
    const bool tape = below(2) == 0;
    if (tape) bench.open_tape();
    for (int i = 0; i < count; ++i) step();
    if (!tape) return;
    played += bench.tape_size();
    bench.play_tape(32 * below(512), random_);
  }

  /// The whole scratchpad and all scalar registers, compared.
  testing::AssertionResult same() {
    if (!bench.wait_done()) return testing::AssertionFailure() << "commands do not end";
    if (bench.chip.read_register(spec::reg::kIllegal) != bench.machine.counts().illegal)
      return testing::AssertionFailure() << "illegal codes";
    if (bench.errors() != bench.machine.error()) {
      return testing::AssertionFailure()
             << "errors " << bench.errors() << ", machine " << bench.machine.error();
    }
    for (uint32_t i = 0; i < spec::kScalarRegs; ++i) {
      for (uint32_t word = 0; word < 2; ++word) {
        const uint32_t found = bench.read_device(spec::mmio::scalars::lo(i) + 4 * word);
        const auto expected = static_cast<uint32_t>(bench.machine.scalar(i) >> 32 * word);
        if (found != expected) {
          return testing::AssertionFailure() << "scalar register " << i << " word " << word
                                             << ": chip " << found << ", machine " << expected;
        }
      }
    }
    for (uint32_t i = 0; i < kScratch; ++i) {
      const auto found = static_cast<int32_t>(bench.read_device(spec::mmio::scratch::word(i)));
      if (found != bench.machine.scratch(i)) {
        return testing::AssertionFailure() << "scratchpad word " << i << ": chip " << found
                                           << ", machine " << bench.machine.scratch(i);
      }
    }
    return bench.same_memory(kOutput, 1 << 20);
  }

  CommandBench bench;
  uint32_t few_waits = 0, issued = 0;
  std::size_t played = 0;

 private:
  static constexpr uint32_t kScratch = 4096;  // of its words, so that commands meet
  static constexpr uint32_t kTiles = 16;
  // Scalar registers: of anything below kScales, then as many that MakeScale makes, then those that
  // operations on scales make.
  static constexpr uint32_t kMadeScales = 28;
  static constexpr uint32_t kScales = spec::kScalarRegs - 2 * kMadeScales;

  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  uint32_t place(uint32_t words) { return below(kScratch - words + 1); }

  template <typename Command>
  bool try_issue(Command c, spec::Unit unit) {
    for (const uint32_t slack : {6u, 2u, 1u, 0u}) {
      bench.after_all(c, random_, slack);
      if (!bench.issue(c.pack(), unit)) continue;
      few_waits += slack != 0;
      ++issued;
      return true;
    }
    return false;
  }

  void initialise() {
    for (uint32_t at = 0; at < kScratch; at += 1024) {
      spec::LoadCommand c;
      c.read_addr = static_cast<uint32_t>((kWords + 4 * at) / spec::kAddrUnit);
      c.beats = 4096 / chip_.columns;
      c.count = 1024;
      c.dst = at;
      bench.after_all(c, random_);
      ASSERT_TRUE(bench.issue(c.pack(), spec::Unit::kLoad)) << bench.refusal;
    }
    for (uint32_t column = 0; column < chip_.act_columns; ++column) {
      spec::VectorCommand c;
      c.op = static_cast<uint32_t>(spec::VectorOp::kCopy);
      c.dest = static_cast<uint32_t>(spec::Dest::kAct);
      c.n = kTiles * chip_.columns;
      c.rows = 1;
      c.act_column = column;
      c.act_group = 1;
      c.a = 100 * column;
      bench.after_all(c, random_);
      ASSERT_TRUE(bench.issue(c.pack(), spec::Unit::kVector)) << bench.refusal;
    }
    for (uint32_t i = 0; i < spec::kScalarRegs; ++i) {
      for (uint32_t word = 0; word < 2; ++word) {
        const auto value = static_cast<uint32_t>(word == 0 ? random_() >> below(32) : below(64));
        bench.write_device(spec::mmio::scalars::lo(i) + 4 * word, value);
        bench.machine.write(spec::mmio::scalars::lo(i) + 4 * word, value);
      }
    }
    ASSERT_TRUE(bench.wait_done());
    spec::ScalarCommand make;
    make.op = static_cast<uint32_t>(spec::ScalarOp::kMakeScale);
    make.rows = 2 * kMadeScales;
    make.step_a = 1;
    make.ra = 0;
    make.rd = kScales;
    make.constant = static_cast<uint32_t>(-40);
    bench.after_all(make, random_);
    ASSERT_TRUE(bench.issue(make.pack(), spec::Unit::kVector)) << bench.refusal;
  }

  spec::LoadCommand random_load() {
    spec::LoadCommand c;
    c.format = below(spec::kFormatCount);
    const bool trits = c.format == static_cast<uint32_t>(spec::Format::kTrit);
    c.beats = 1 + below((trits ? 128 : 512) / chip_.columns);
    c.count = 1 + below(trits ? c.beats * chip_.columns * 5
                              : c.beats * chip_.columns / (c.format ? 2 : 4));
    // Of trits one LOAD in eight has illegal codes.
    const uint64_t from = trits && below(8) ? kCodes : kWords;
    c.read_addr = static_cast<uint32_t>(from / spec::kAddrUnit) + below(1000);
    if (below(4) == 0) c.read_addr = static_cast<uint32_t>(kOutput / spec::kAddrUnit) + below(40);
    c.dst = place(c.count);
    return c;
  }

  spec::MatmulCommand random_matmul() {
    spec::MatmulCommand c;
    c.layout = below(spec::kLayoutCount);
    const bool value = c.layout == static_cast<uint32_t>(spec::Layout::kValue);
    const bool sign = c.layout == static_cast<uint32_t>(spec::Layout::kSign);
    c.group = value ? 0 : below(spec::kGroupCount);
    c.planes = value || sign ? 1 : 1 + below(3);
    c.act_columns = 1 + below(chip_.act_columns);
    const uint32_t tiles = 1 + below(c.group ? kTiles : 4);
    c.cols = tiles * chip_.columns - below(chip_.columns);
    c.act_tile = below(kTiles - tiles + 1);
    c.block = value ? 5 * (1 + below(12)) : 1 + below(chip_.acc_depth);
    c.stripes = 1 + below(value ? 90 : 20);
    if (sign) {
      c.block = 8 * (1 + below(chip_.acc_depth / 8));
      c.stripes = 8 * (1 + below(4));
    }
    c.rows = value ? c.stripes - below(std::min(c.stripes, 4u)) : 5 * c.stripes - below(5);
    c.beats = static_cast<uint32_t>(spec::MatrixShape{
        c.rows, c.cols, c.stripes, c.block, c.planes, static_cast<spec::Layout>(c.layout),
        chip_.columns, static_cast<spec::Group>(c.group)}
                                        .beats());
    c.read_addr = static_cast<uint32_t>(kCodes / spec::kAddrUnit) + below(4000);
    c.dst_stride = (c.rows + 15) / 16 + below(2);
    c.dst = place(c.rows + (c.act_columns - 1) * 16 * c.dst_stride);
    c.max_reg = below(kScales - chip_.act_columns);
    return c;
  }

  spec::VectorCommand random_vector() {
    spec::VectorCommand c;
    c.op = below(spec::kVectorOpCount);
    const auto op = static_cast<spec::VectorOp>(c.op);
    c.reduce = below(spec::kReduceCount);
    c.reduce_all = below(2);
    c.dest = below(spec::kDestCount);
    c.keep = below(2);
    c.use_scalar = below(2);
    c.scalar_step = below(2);
    c.shift = below(64);
    c.n = 1 + below(90);
    c.rows = 1 + below(6);
    if (op == spec::VectorOp::kButterfly) {
      c.shift = below(5);
      c.use_scalar = 0;
      c.n = (2u << c.shift) * (1 + below(4));
    }
    const uint32_t span = in_halves(op) ? 2 * c.n : c.n;
    c.stride_a = below(3) ? span + below(9) : 0;
    c.stride_b = below(3) ? span + below(9) : 0;
    c.stride_dst = span + below(9);
    c.a = place(span + (c.rows - 1) * c.stride_a);
    c.b = place(span + (c.rows - 1) * c.stride_b);
    c.dst = place(span + (c.rows - 1) * c.stride_dst);
    if (below(4) == 0) c.dst = c.a, c.stride_dst = c.stride_a;
    c.scalar = below(spec::kScalarRegs - 8);
    c.reduce_reg = below(kScales - 8);
    c.act_group = 1 + below(chip_.act_columns);
    c.act_step = chip_.act_columns == 1 ? 0 : 1;
    c.act_column = below(chip_.act_columns - c.act_group + 1);
    c.act_tile = below(kTiles / 2);
    c.act_tile_stride = below(2);
    return c;
  }

  /// Operations on scales have registers of their own as operands and results, which MakeScale
  /// fills first and nothing else writes: their mantissas are legal. The exponents that a command
  /// adds are those of MakeScale's results, so that they stay small.
  spec::ScalarCommand random_scalar() {
    using spec::ScalarOp;
    spec::ScalarCommand c;
    const auto op = static_cast<ScalarOp>(below(3) ? below(spec::kScalarOpCount) : 0);
    c.op = static_cast<uint32_t>(op);
    c.rows = 1 + below(8);
    c.use_b = needs_b(op) || (takes_b(op) && below(2));
    c.step_a = op == ScalarOp::kCommonExponent || below(2);
    c.step_b = below(2);
    c.times_b = below(3);
    c.ra = below(kScales - 8);
    c.rb = below(kScales - 8);
    c.rd = below(kScales - 8);
    c.constant = below(2) ? 127 : below(70);
    const bool makes = op == ScalarOp::kMakeScale;
    const bool of_scale = takes_scale(op) && makes_scale(op);
    if (takes_scale(op)) c.ra = scale_register();
    if (adds_b(op)) c.rb = kScales + below(kMadeScales - 8);
    if (needs_b(op)) c.rb = scale_register();
    if (of_scale) c.rd = kScales + kMadeScales + below(kMadeScales - 8);
    if (makes && c.use_b == 0 && below(2))
      c.rd = kScales + below(kMadeScales - 8);
    else if (makes)
      c.rd = kScales + kMadeScales + below(kMadeScales - 8);
    if (makes || of_scale || op == ScalarOp::kFactor) c.constant -= 64;
    if (op == ScalarOp::kTopKClear) {
      c.constant = 1 + below(spec::kTopK);
      c.rows = 1;
    }
    return c;
  }
  uint32_t scale_register() { return kScales + below(2 * kMadeScales - 8); }

  spec::StoreCommand random_store() {
    spec::StoreCommand c;
    c.format = below(2);
    c.scatter = below(2);
    c.count = 1 + below(80);
    c.rows = 1 + below(4);
    c.src_stride = below(100);
    c.src = place(c.count + (c.rows - 1) * c.src_stride);
    c.beat_stride = 1 + below(5);
    c.row_stride = 200 + below(50);
    c.addr_low = static_cast<uint32_t>(kOutput) + below(2000) * (c.format ? 1 : 4);
    return c;
  }

  const spec::ChipConfig& chip_;
  std::mt19937_64 random_;
};

class ChipCommands : public testing::TestWithParam<std::tuple<const char*, double>> {};

TEST_P(ChipCommands, GiveWhatTheMachineGives) {
  const auto [config, stall] = GetParam();
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    Program program(config, stall, seed);
    for (int round = 0; round < 12; ++round) {
      for (int i = 0; i < 4; ++i) program.steps(15);
      ASSERT_TRUE(program.same()) << "seed " << seed << ", round " << round;
    }
    EXPECT_GT(program.issued, 400u);
    EXPECT_GT(program.played, 100u);
    EXPECT_GT(program.few_waits, program.issued / 3) << "the units hardly ever overlap";
  }
}

INSTANTIATE_TEST_SUITE_P(Chips, ChipCommands,
                         testing::Combine(testing::Values("nano", "edge"),
                                          testing::Values(0.0, 0.3)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) +
                                  (std::get<1>(info.param) > 0 ? "_stalls" : "");
                         });

}  // namespace
}  // namespace tern::test
