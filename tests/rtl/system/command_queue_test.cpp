// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "Vcommand_queue.h"
#include "Vcommand_queue_plain.h"
#include "clocked.hpp"
#include "random_commands.hpp"

namespace tern::test {
namespace {

template <typename Queue>
void idle_inputs(Queue& queue) {
  queue->issue_valid_i = 0;
  queue->seg_ready_i = queue->eng_ready_i = queue->vec_ready_i = queue->str_ready_i = 0;
  queue->load_done_i = queue->matmul_done_i = queue->vector_done_i = queue->store_done_i = 0;
}

/// Issues one command and reports whether it was refused; nothing is taken from the queues.
template <typename Queue>
bool refused_by(Queue& queue, const spec::CommandWords& words) {
  idle_inputs(queue);
  std::memcpy(&queue->issue_cmd_i, words.w, sizeof words.w);
  queue->issue_valid_i = 1;
  queue.settle();
  EXPECT_EQ(queue->issue_ready_o, 1);
  queue.tick();
  queue->issue_valid_i = 0;
  bool bad = false;
  for (int i = 0; i < 6; ++i) {
    queue.settle();
    bad = bad || queue->bad_o;
    queue.tick();
  }
  queue.reset();
  return bad;
}

/// The four units as the queue sees them: each takes a command now and then, and completes it
/// later.
class CommandQueue : public testing::Test {
 protected:
  bool refused(const spec::CommandWords& words) { return refused_by(queue, words); }

  Clocked<Vcommand_queue> queue;
};

spec::LoadCommand good_load() {
  spec::LoadCommand c;
  c.beats = 2;
  c.count = 32;
  c.dst = 100;
  return c;
}
spec::MatmulCommand good_matmul() {
  spec::MatmulCommand c;
  c.planes = 1;
  c.act_columns = 2;
  c.beats = 8;
  c.rows = 18;
  c.block = 4;
  c.cols = 100;
  c.stripes = 4;
  c.dst = 64;
  c.dst_stride = 2;
  return c;
}
spec::MatmulCommand good_signs() {
  spec::MatmulCommand c = good_matmul();
  c.layout = static_cast<uint32_t>(spec::Layout::kSign);
  c.block = 8;
  c.stripes = 16;
  c.rows = 77;
  c.dst_stride = 5;
  c.beats = 2 * 10;
  return c;
}
spec::VectorCommand good_vector() {
  spec::VectorCommand c;
  c.op = static_cast<uint32_t>(spec::VectorOp::kMul);
  c.dest = static_cast<uint32_t>(spec::Dest::kScratch);
  c.n = 40;
  c.rows = 3;
  c.stride_a = c.stride_b = c.stride_dst = 48;
  return c;
}
spec::ScalarCommand good_scalar() {
  spec::ScalarCommand c;
  c.rows = 2;
  c.constant = 127;
  return c;
}
spec::StoreCommand good_store() {
  spec::StoreCommand c;
  c.addr_low = 128;
  c.count = 10;
  c.rows = 2;
  c.src_stride = 16;
  c.beat_stride = 1;
  return c;
}

template <typename Command, typename Change>
spec::CommandWords with(Command command, Change change) {
  change(command);
  return command.pack();
}

TEST_F(CommandQueue, TakesGoodCommands) {
  EXPECT_FALSE(refused(good_load().pack()));
  EXPECT_FALSE(refused(good_matmul().pack()));
  EXPECT_FALSE(refused(good_vector().pack()));
  EXPECT_FALSE(refused(good_scalar().pack()));
  EXPECT_FALSE(refused(good_store().pack()));
}

TEST_F(CommandQueue, RefusesFieldsOutOfRange) {
  using spec::LoadCommand, spec::MatmulCommand, spec::VectorCommand, spec::ScalarCommand,
      spec::StoreCommand;
  const std::vector<spec::CommandWords> bad = {
      spec::CommandWords{},
      with(good_load(), [](LoadCommand& c) { c.opcode = 6; }),
      with(good_load(), [](LoadCommand& c) { c.beats = 0; }),
      with(good_load(), [](LoadCommand& c) { c.count = 0; }),
      with(good_load(), [](LoadCommand& c) { c.count = 33; }),
      with(good_load(), [](LoadCommand& c) { c.dst = kScratch - 31; }),
      with(good_load(), [](LoadCommand& c) { c.format = 1, c.count = 65; }),
      with(good_load(), [](LoadCommand& c) { c.format = 2, c.count = 641; }),
      with(good_load(), [](LoadCommand& c) { c.format = spec::kFormatCount; }),
      with(good_matmul(), [](MatmulCommand& c) { c.layout = spec::kLayoutCount; }),
      with(good_matmul(), [](MatmulCommand& c) { c.group = spec::kGroupCount; }),
      with(good_matmul(),
           [](MatmulCommand& c) { c.layout = 1, c.rows = 4, c.block = 5, c.group = 1; }),
      with(good_signs(), [](MatmulCommand& c) { c.planes = 2; }),
      with(good_signs(), [](MatmulCommand& c) { c.block = 12; }),
      with(good_signs(), [](MatmulCommand& c) { c.block = 4; }),
      with(good_signs(), [](MatmulCommand& c) { c.block = 56; }),
      with(good_signs(), [](MatmulCommand& c) { c.stripes = 20; }),
      with(good_signs(), [](MatmulCommand& c) { c.rows = 81; }),
      with(good_matmul(), [](MatmulCommand& c) { c.planes = 0; }),
      with(good_matmul(), [](MatmulCommand& c) { c.planes = 6; }),
      with(good_matmul(), [](MatmulCommand& c) { c.layout = 1, c.planes = 2, c.rows = 4; }),
      with(good_matmul(), [](MatmulCommand& c) { c.act_columns = 0; }),
      with(good_matmul(), [](MatmulCommand& c) { c.act_columns = 9; }),
      with(good_matmul(), [](MatmulCommand& c) { c.beats = 0; }),
      with(good_matmul(), [](MatmulCommand& c) { c.rows = 0; }),
      with(good_matmul(), [](MatmulCommand& c) { c.rows = 21; }),
      with(good_matmul(), [](MatmulCommand& c) { c.block = 0; }),
      with(good_matmul(), [](MatmulCommand& c) { c.block = kAccDepth + 1; }),
      with(good_matmul(), [](MatmulCommand& c) { c.layout = 1, c.rows = 4, c.block = 3; }),
      with(good_matmul(), [](MatmulCommand& c) { c.cols = 0; }),
      with(good_matmul(), [](MatmulCommand& c) { c.act_tile = kActDepth - 1; }),
      with(good_matmul(), [](MatmulCommand& c) { c.stripes = 0; }),
      with(good_matmul(), [](MatmulCommand& c) { c.max_reg = 255; }),
      with(good_matmul(), [](MatmulCommand& c) { c.dst = kScratch - 49; }),
      with(good_vector(), [](VectorCommand& c) { c.op = spec::kVectorOpCount; }),
      with(good_vector(), [](VectorCommand& c) { c.reduce = spec::kReduceCount; }),
      with(good_vector(), [](VectorCommand& c) { c.dest = spec::kDestCount; }),
      with(good_vector(), [](VectorCommand& c) { c.n = 0; }),
      with(good_vector(), [](VectorCommand& c) { c.rows = 0; }),
      with(good_vector(), [](VectorCommand& c) { c.a = kScratch - 135; }),
      with(good_vector(), [](VectorCommand& c) { c.b = kScratch - 135; }),
      with(good_vector(), [](VectorCommand& c) { c.dst = kScratch - 135; }),
      with(good_vector(), [](VectorCommand& c) { c.dest = 2, c.act_group = 0; }),
      with(good_vector(), [](VectorCommand& c) { c.scalar = 254, c.scalar_step = 1; }),
      with(good_vector(), [](VectorCommand& c) { c.reduce_reg = 254, c.reduce = 1; }),
      with(good_vector(), [](VectorCommand& c) { c.op = 8, c.a = kScratch - 175; }),
      with(good_scalar(), [](ScalarCommand& c) { c.op = spec::kScalarOpCount; }),
      with(good_scalar(), [](ScalarCommand& c) { c.rows = 0; }),
      with(good_scalar(), [](ScalarCommand& c) { c.rd = 255; }),
      with(good_scalar(), [](ScalarCommand& c) { c.ra = 255, c.step_a = 1; }),
      with(good_scalar(), [](ScalarCommand& c) { c.rb = 255, c.step_b = 1; }),
      with(good_scalar(), [](ScalarCommand& c) { c.op = 2, c.constant = 65; }),
      with(good_scalar(), [](ScalarCommand& c) { c.op = 2, c.constant = 0; }),
      with(good_store(), [](StoreCommand& c) { c.count = 0; }),
      with(good_store(), [](StoreCommand& c) { c.rows = 0; }),
      with(good_store(), [](StoreCommand& c) { c.beat_stride = 0; }),
      with(good_store(), [](StoreCommand& c) { c.addr_low = 126; }),
      with(good_store(), [](StoreCommand& c) { c.src = kScratch - 25; }),
  };
  for (std::size_t i = 0; i < bad.size(); ++i) EXPECT_TRUE(refused(bad[i])) << "case " << i;
  const std::vector<spec::CommandWords> good = {
      with(good_load(), [](LoadCommand& c) { c.dst = kScratch - 32; }),
      with(good_load(), [](LoadCommand& c) { c.format = 1, c.count = 64; }),
      with(good_load(), [](LoadCommand& c) { c.format = 2, c.count = 640; }),
      with(good_matmul(), [](MatmulCommand& c) { c.group = 1, c.planes = 5; }),
      with(good_matmul(), [](MatmulCommand& c) { c.group = 2; }),
      good_signs().pack(),
      with(good_signs(), [](MatmulCommand& c) { c.group = 2, c.block = 48; }),
      with(good_matmul(), [](MatmulCommand& c) { c.layout = 1, c.rows = 4, c.block = 5; }),
      with(good_matmul(), [](MatmulCommand& c) { c.act_tile = kActDepth - 2; }),
      with(good_matmul(), [](MatmulCommand& c) { c.max_reg = 254; }),
      with(good_matmul(), [](MatmulCommand& c) { c.dst = kScratch - 50; }),
      with(good_vector(), [](VectorCommand& c) { c.a = c.b = c.dst = kScratch - 136; }),
      with(good_vector(), [](VectorCommand& c) { c.op = 3, c.b = kScratch; }),
      with(good_vector(), [](VectorCommand& c) { c.dest = 2, c.act_group = 1, c.dst = kScratch; }),
      with(good_vector(), [](VectorCommand& c) { c.op = 8, c.a = kScratch - 176; }),
      with(good_store(), [](StoreCommand& c) { c.format = 1, c.addr_low = 127; }),
      with(good_store(), [](StoreCommand& c) { c.src = kScratch - 26; }),
  };
  for (std::size_t i = 0; i < good.size(); ++i) EXPECT_FALSE(refused(good[i])) << "case " << i;
}

TEST_F(CommandQueue, TakesEveryOperationWithTheOperandsThatItHas) {
  for (uint32_t op = 0; op < spec::kVectorOpCount; ++op) {
    const auto what = static_cast<spec::VectorOp>(op);
    spec::VectorCommand c = good_vector();
    c.op = op;
    EXPECT_FALSE(refused(c.pack())) << spec::name_of(what);
    c.b = kScratch;
    EXPECT_EQ(refused(c.pack()), takes_b(what)) << spec::name_of(what);
    c = good_vector();
    c.op = op;
    c.reduce = static_cast<uint32_t>(spec::Reduce::kTopK);
    EXPECT_EQ(refused(c.pack()), reorders(what)) << spec::name_of(what);
  }
  for (uint32_t op = 0; op < spec::kScalarOpCount; ++op) {
    spec::ScalarCommand c = good_scalar();
    c.op = op;
    c.constant = 1;
    EXPECT_FALSE(refused(c.pack())) << spec::name_of(static_cast<spec::ScalarOp>(op));
  }
}

TEST(PlainCommandQueue, RefusesScalesSignsAndTrits) {
  Clocked<Vcommand_queue_plain> queue;
  const auto refused = [&](const spec::CommandWords& words) { return refused_by(queue, words); };
  EXPECT_FALSE(refused(good_matmul().pack()));
  EXPECT_TRUE(refused(with(good_matmul(), [](spec::MatmulCommand& c) { c.group = 1; })));
  EXPECT_TRUE(refused(good_signs().pack()));
  EXPECT_FALSE(refused(with(good_load(), [](spec::LoadCommand& c) { c.format = 1; })));
  EXPECT_TRUE(refused(with(good_load(), [](spec::LoadCommand& c) { c.format = 2; })));
}

/// A count of completed commands modulo 256 has been reached when it is at most 127 behind.
bool is_reached(uint32_t done, uint32_t count) { return (done - count & 0xff) < 128; }

/// Every wait on every unit, at every number of completed commands: the commands of all queues come
/// when it is reached and in no other cycle, and a segment for the stores alone.
TEST_F(CommandQueue, WaitsForEveryCountOfEveryUnit) {
  CData* const done_inputs[] = {&queue->load_done_i, &queue->matmul_done_i, &queue->vector_done_i,
                                &queue->store_done_i};
  for (uint32_t unit = 0; unit < 4; ++unit) {
    for (uint32_t wait = 0; wait < 256; ++wait) {
      queue.reset();
      idle_inputs(queue);
      std::array<uint8_t, 4> waits{};
      waits[unit] = static_cast<uint8_t>(wait);
      for (const spec::CommandWords& words :
           {after(good_matmul(), waits).pack(), after(good_vector(), waits).pack(),
            after(good_store(), waits).pack()}) {
        std::memcpy(&queue->issue_cmd_i, words.w, sizeof words.w);
        queue->issue_valid_i = 1;
        for (queue.settle(); !queue->issue_ready_o; queue.settle()) queue.tick();
        queue.tick();
      }
      queue->issue_valid_i = 0;
      for (int i = 0; i < 6; ++i) queue.tick();
      for (uint32_t done = 0; done < 256; ++done) {
        queue.settle();
        const bool reached = is_reached(done, wait);
        ASSERT_EQ(queue->eng_valid_o, reached) << "unit " << unit << ": " << done << ", " << wait;
        ASSERT_EQ(queue->vec_valid_o, reached) << "unit " << unit << ": " << done << ", " << wait;
        ASSERT_EQ(queue->str_valid_o, reached) << "unit " << unit << ": " << done << ", " << wait;
        ASSERT_EQ(queue->seg_valid_o, unit == 3 ? reached : true) << done << ", " << wait;
        *done_inputs[unit] = 1;
        queue.tick();
        *done_inputs[unit] = 0;
      }
    }
  }
}

/// Random commands with random waits on what was issued before: every unit gets its own in order,
/// none before what it waits for is done, segments before their commands' other waits.
TEST_F(CommandQueue, KeepsOrderAndWaits) {
  Dice dice(7);
  std::array<std::deque<Issued>, 4> queued;  // engine (at kMatmul), vector, store
  std::deque<Issued> segments;
  std::array<uint32_t, 4> issued{}, done{};
  std::array<std::deque<Unit>, 4> running;
  uint32_t taken = 0, early_segments = 0, held = 0, farthest = 0;
  const auto reached = [&](const std::array<uint8_t, 4>& waits) {
    for (std::size_t u = 0; u < 4; ++u) {
      if (!is_reached(done[u], waits[u])) return false;
    }
    return true;
  };
  const auto index = [](Unit unit) { return static_cast<std::size_t>(unit); };
  RandomCommands commands(dice);
  Issued next{};
  bool offering = false;
  // The 128th command after the one that a held command waits for would hide it.
  const auto may_finish = [&](std::size_t u) {
    const auto sees_on = [&](const Issued& held) {
      return (done[u] - held.waits[u] & 0xff) != 127;
    };
    for (const auto& q : queued) {
      if (!std::ranges::all_of(q, sees_on)) return false;
    }
    return std::ranges::all_of(segments, sees_on) && (!offering || sees_on(next));
  };
  for (int cycle = 0; cycle < 60000; ++cycle) {
    idle_inputs(queue);
    if (!offering && dice.chance(0.5)) {
      std::array<uint8_t, 4> waits;
      for (std::size_t u = 0; u < 4; ++u) {
        const uint32_t back = static_cast<uint32_t>(dice.between(0, dice.chance(0.5) ? 8 : 127));
        // Not so far that it is hidden already.
        const uint32_t count =
            std::max(issued[u] - std::min(issued[u], back), done[u] - std::min(done[u], 127u));
        waits[u] = static_cast<uint8_t>(count);
        farthest = std::max(farthest, done[u] - std::min(done[u], count));
      }
      next = commands.next(waits);
      offering = true;
    }
    queue->issue_valid_i = offering;
    std::memcpy(&queue->issue_cmd_i, next.words.w, sizeof next.words.w);
    queue->seg_ready_i = dice.chance(0.4);
    queue->eng_ready_i = dice.chance(0.3);
    queue->vec_ready_i = dice.chance(0.3);
    queue->str_ready_i = dice.chance(0.3);
    std::array<bool, 4> finishes{};
    for (std::size_t u = 0; u < 4; ++u) {
      finishes[u] = !running[u].empty() && may_finish(u) && dice.chance(0.2);
    }
    queue->load_done_i = finishes[0];
    queue->matmul_done_i = finishes[1];
    queue->vector_done_i = finishes[2];
    queue->store_done_i = finishes[3];
    queue.settle();
    ASSERT_EQ(queue->bad_o, 0);

    if (queue->seg_valid_o) {
      ASSERT_FALSE(segments.empty());
      const auto expected = spec::MatmulCommand::unpack(segments.front().words);
      ASSERT_EQ(queue->seg_addr_o, uint64_t{expected.read_addr} * spec::kAddrUnit);
      ASSERT_EQ(queue->seg_beats_o, expected.beats);
      ASSERT_TRUE(is_reached(done[3], segments.front().waits[3]));
      early_segments += !reached(segments.front().waits);
      if (queue->seg_ready_i) segments.pop_front();
    }
    const auto take = [&](bool valid, bool ready, const void* words, Unit unit) {
      auto& q = queued[index(unit)];
      if (!valid) {
        held += !q.empty() && !reached(q.front().waits);
        return;
      }
      ASSERT_FALSE(q.empty());
      ASSERT_EQ(std::memcmp(words, q.front().words.w, 32), 0);
      ASSERT_TRUE(reached(q.front().waits));
      if (!ready) return;
      running[index(q.front().unit)].push_back(q.front().unit);
      q.pop_front();
      ++taken;
    };
    take(queue->eng_valid_o, queue->eng_ready_i, &queue->eng_cmd_o, Unit::kMatmul);
    take(queue->vec_valid_o, queue->vec_ready_i, &queue->vec_cmd_o, Unit::kVector);
    take(queue->str_valid_o, queue->str_ready_i, &queue->str_cmd_o, Unit::kStore);
    if (testing::Test::HasFatalFailure()) return;

    if (offering && queue->issue_ready_o) {
      offering = false;
      const bool stream = next.unit == Unit::kLoad || next.unit == Unit::kMatmul;
      queued[index(stream ? Unit::kMatmul : next.unit)].push_back(next);
      if (stream) segments.push_back(next);
      ++issued[index(next.unit)];
    }
    for (std::size_t u = 0; u < 4; ++u) {
      if (!finishes[u]) continue;
      running[u].pop_front();
      ++done[u];
    }
    queue.tick();
    const uint32_t counts =
        (done[0] & 0xff) | (done[1] & 0xff) << 8 | (done[2] & 0xff) << 16 | (done[3] & 0xff) << 24;
    ASSERT_EQ(queue->done_o, counts);
  }
  EXPECT_GT(taken, 2000u);
  EXPECT_GT(early_segments, 100u) << "the stream never ran ahead";
  EXPECT_GT(held, 1000u) << "nothing ever had to wait";
  EXPECT_EQ(farthest, 127u);
}

}  // namespace
}  // namespace tern::test
