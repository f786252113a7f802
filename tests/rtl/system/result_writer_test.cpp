#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <map>
#include <vector>

#include "Vresult_writer_edge.h"
#include "Vresult_writer_nano.h"
#include "clocked.hpp"

namespace tern::test {
namespace {

struct Nano {
  using Block = Vresult_writer_nano;
  static constexpr uint32_t kColumns = 8, kDataBytes = 20, kEntryBytes = 24;
};
struct Edge {
  using Block = Vresult_writer_edge;
  static constexpr uint32_t kColumns = 64, kDataBytes = 160, kEntryBytes = 192;
};
constexpr uint32_t kMaxBursts = 16;

struct Rates {
  double result = 1, aw = 1, w = 1, b = 1;
  uint32_t latency = 1;
};

template <typename Variant>
class ResultWriter : public testing::Test {
 protected:
  static constexpr uint32_t kColumns = Variant::kColumns;
  static constexpr uint32_t kDataBytes = Variant::kDataBytes;
  static constexpr uint32_t kEntryBytes = Variant::kEntryBytes;

  struct Entry {
    uint64_t address;
    std::vector<uint8_t> data;
    bool last;
  };
  struct Burst {
    uint64_t address;
    uint32_t beats;
  };

  ResultWriter() {
    writer->stop_i = 0;
    writer->result_valid_i = 0;
    writer->aw_ready_i = 0;
    writer->w_ready_i = 0;
    writer->b_valid_i = 0;
  }

  void add_entry(uint64_t address, bool last) {
    Entry entry{address, std::vector<uint8_t>(kDataBytes), last};
    for (uint8_t& byte : entry.data) byte = static_cast<uint8_t>(dice.between(0, 255));
    for (uint32_t i = 0; i < kEntryBytes; ++i) {
      expected[address + i] = i < kDataBytes ? entry.data[i] : 0;
    }
    bytes_of_commands += kEntryBytes;
    if (last) command_ends.push_back(bytes_of_commands);
    entries.push_back(entry);
  }

  void step(const Rates& rates) {
    if (!writer->result_valid_i && !entries.empty() && dice.chance(rates.result)) {
      writer->result_valid_i = 1;
      writer->result_addr_i = entries.front().address;
      std::memcpy(&writer->result_data_i, entries.front().data.data(), kDataBytes);
      writer->result_last_i = entries.front().last;
    }
    writer->aw_ready_i = dice.chance(rates.aw);
    writer->w_ready_i = dice.chance(rates.w);
    if (!writer->b_valid_i && !answers.empty() && answers.front().ready <= writer.cycle() &&
        dice.chance(rates.b)) {
      writer->b_valid_i = 1;
      writer->b_resp_i = answers.front().bad ? 2 : 0;
    }
    writer.settle();
    const bool taken = writer->result_valid_i && writer->result_ready_o;
    if (writer->aw_valid_o && writer->aw_ready_i) check_request();
    if (writer->w_valid_o && writer->w_ready_i) accept_beat();
    EXPECT_EQ(writer->beat_o, writer->w_valid_o && writer->w_ready_i);
    while (!bursts.empty() && !beats.empty()) commit_beat(rates);
    const bool answered = writer->b_valid_i && writer->b_ready_o;
    if (answered) {
      answered_bytes += answers.front().bytes;
      answers.pop_front();
    }
    errors += writer->error_o;
    if (writer->done_o) {
      ASSERT_FALSE(command_ends.empty());
      ASSERT_EQ(answered_bytes, command_ends.front()) << "done before or after its last answer";
      command_ends.pop_front();
    }
    writer.tick();
    if (taken) {
      entries.pop_front();
      writer->result_valid_i = 0;
    }
    if (answered) writer->b_valid_i = 0;
  }

  void check_request() {
    const Burst burst{writer->aw_addr_o, writer->aw_len_o + 1u};
    ASSERT_EQ(burst.address % kColumns, 0u);
    ASSERT_EQ(burst.address / 4096, (burst.address + burst.beats * kColumns - 1) / 4096)
        << "a burst crosses 4 KiB";
    bursts.push_back(burst);
    ASSERT_LE(bursts.size() + answers.size(), kMaxBursts);
  }

  void accept_beat() {
    const uint64_t all = ~uint64_t{0} >> (64 - kColumns);
    ASSERT_EQ(static_cast<uint64_t>(writer->w_strb_o), all);
    std::vector<uint8_t> data(kColumns + 1);
    std::memcpy(data.data(), &writer->w_data_o, kColumns);
    data[kColumns] = writer->w_last_o;
    beats.push_back(data);
  }

  void commit_beat(const Rates& rates) {
    Burst& burst = bursts.front();
    for (uint32_t i = 0; i < kColumns; ++i) memory[burst.address + i] = beats.front()[i];
    burst_bytes += kColumns;
    burst_is_bad |= bad_address != 0 && bad_address - burst.address < kColumns;
    burst.address += kColumns;
    ASSERT_EQ(beats.front()[kColumns], burst.beats == 1) << "w_last in the wrong place";
    beats.pop_front();
    if (--burst.beats == 0) {
      answers.push_back({burst_bytes, burst_is_bad, writer.cycle() + rates.latency});
      burst_bytes = 0;
      burst_is_bad = false;
      bursts.pop_front();
    }
  }

  void run(const Rates& rates, uint64_t limit) {
    const auto busy = [&] { return !entries.empty() || !writer->idle_o || !answers.empty(); };
    for (uint64_t i = 0; i < limit && busy() && !this->HasFatalFailure(); ++i) step(rates);
    ASSERT_FALSE(busy()) << "not all entries were written within " << limit << " cycles";
    EXPECT_EQ(memory, expected);
    EXPECT_TRUE(command_ends.empty());
  }

  struct Answer {
    uint64_t bytes;
    bool bad;
    uint64_t ready;
  };

  Clocked<typename Variant::Block> writer;
  Dice dice{Variant::kColumns};
  std::deque<Entry> entries;
  std::deque<Burst> bursts;
  std::deque<std::vector<uint8_t>> beats;
  std::deque<Answer> answers;
  std::deque<uint64_t> command_ends;
  std::map<uint64_t, uint8_t> memory, expected;
  uint64_t bytes_of_commands = 0, answered_bytes = 0, burst_bytes = 0, errors = 0, bad_address = 0;
  bool burst_is_bad = false;
};
using Variants = testing::Types<Nano, Edge>;
TYPED_TEST_SUITE(ResultWriter, Variants);

TYPED_TEST(ResultWriter, WritesRandomCommandsAndCountsThemDone) {
  for (int round = 0; round < 30; ++round) {
    uint64_t address = this->dice.between(0, 1 << 20) * 64;
    for (int command = 0; command < 4; ++command) {
      const uint64_t count = this->dice.between(1, 60);
      for (uint64_t i = 0; i < count; ++i) {
        this->add_entry(address, i + 1 == count);
        address += TypeParam::kEntryBytes;
      }
      address = (address + 63) / 64 * 64;
    }
    const auto rate = [&] { return 0.1 * static_cast<double>(this->dice.between(2, 10)); };
    this->run({rate(), rate(), rate(), rate(), static_cast<uint32_t>(this->dice.between(1, 40))},
              100000);
    ASSERT_FALSE(this->HasFatalFailure());
  }
  EXPECT_EQ(this->errors, 0u);
}

TYPED_TEST(ResultWriter, MovesABeatEveryCycleIntoAFastMemory) {
  for (uint64_t i = 0; i < 100; ++i) this->add_entry(i * TypeParam::kEntryBytes, i == 99);
  this->run({.latency = 4}, 100 * TypeParam::kEntryBytes / TypeParam::kColumns + 30);
}

TYPED_TEST(ResultWriter, FlagsABadResponseAndFinishesAllTheSame) {
  for (uint64_t i = 0; i < 30; ++i) this->add_entry(i * TypeParam::kEntryBytes, i == 29);
  this->bad_address = 10 * TypeParam::kEntryBytes + 3;
  this->run({.aw = 0.5, .w = 0.5}, 2000);
  EXPECT_EQ(this->errors, 1u);
}

TYPED_TEST(ResultWriter, FinishesTheEntryItHoldsWhenStopped) {
  for (uint64_t i = 0; i < 50; ++i) this->add_entry(i * TypeParam::kEntryBytes, false);
  for (int i = 0; i < 20; ++i) this->step({.w = 0.3, .latency = 10});
  this->writer->stop_i = 1;
  for (int i = 0; i < 400; ++i) this->step({.w = 0.3, .latency = 10});
  EXPECT_EQ(this->writer->idle_o, 1);
  EXPECT_FALSE(this->entries.empty());
  EXPECT_EQ(this->memory.size() % TypeParam::kEntryBytes, 0u) << "an entry was written in part";
}

}  // namespace
}  // namespace tern::test
