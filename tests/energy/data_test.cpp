// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "io/error.hpp"
#include "technology.hpp"

namespace tern::energy {
namespace {

bool worth(const YAML::Node& n) {
  const auto tag = n["tag"], source = n["source"];
  return tag && source && !source.as<std::string>().empty() &&
         (parse_tag(tag.as<std::string>()), true);
}

/// Every node that holds a number as its value says what it is worth and where it comes from.
int check_figures(const YAML::Node& node, const std::string& path) {
  int found = 0;
  if (node.IsMap() && node["value"]) {
    EXPECT_TRUE(worth(node)) << path;
    EXPECT_TRUE(node["unit"]) << path;
    return 1;
  }
  if (node.IsMap()) {
    for (const auto& child : node)
      found += check_figures(child.second, path + "/" + child.first.as<std::string>());
  }
  return found;
}

TEST(EnergyData, EveryFigureHasATagAndASource) {
  int results = 0;
  for (const auto& [name, text] : data_files()) {
    const YAML::Node data = YAML::Load(std::string(text));
    const int found = check_figures(data, name);
    if (name == "technology.yaml") {
      for (const YAML::Node& table : data["sram"]) EXPECT_TRUE(worth(table));
      for (const auto& dram : data["dram"])
        EXPECT_TRUE(worth(dram.second)) << dram.first.as<std::string>();
      continue;
    }
    ++results;
    EXPECT_GT(found, 40) << name;
    for (const char* key : {"title", "node_nm", "library", "tools", "date"})
      EXPECT_TRUE(data[key]) << name << " " << key;
    for (const char* key : {"yosys", "opensta", "icarus"})
      EXPECT_TRUE(data["tools"][key]) << name << " " << key;
  }
  EXPECT_EQ(results, static_cast<int>(technology_names().size()));
  EXPECT_GE(results, 1);
}

// Measured is what a command of this project gave: results of scripts/energy.sh. What is cited from
// papers and datasheets is published at best.
TEST(EnergyData, NothingThatIsCitedIsMeasured) {
  for (const auto& [name, text] : data_files()) {
    const bool cited = name == "technology.yaml";
    EXPECT_EQ(text.find("tag: measured") != std::string_view::npos ||
                  text.find("\"measured\"") != std::string_view::npos,
              !cited)
        << name;
  }
  EXPECT_EQ(load_dram("lpddr5x").phy.tag, Tag::kPublished);  // a paper of 2010
  EXPECT_EQ(load_dram("hbm2").read.tag, Tag::kPublished);
  EXPECT_EQ(load_technology("asap7").sram_tag, Tag::kPublished);
  EXPECT_EQ(load_technology("asap7").block("array").area.tag, Tag::kMeasured);
}

TEST(EnergyData, WhatIsRecalledSaysSo) {
  EXPECT_TRUE(load_technology("asap7").sram_byte(16384).recalled);
  EXPECT_TRUE(load_technology("osu018").wires.recalled);
  EXPECT_TRUE(load_dram("hbm2").phy.recalled);
  EXPECT_TRUE(load_dram("sdr").activate.recalled);
  EXPECT_TRUE(load_dram("lpddr5x").read.recalled);
  EXPECT_FALSE(load_dram("ddr4").read.recalled);
  EXPECT_FALSE(load_dram("ddr4").phy.recalled);
  EXPECT_EQ(describe(Tag::kProjected, true), "projected, recalled");
}

// docs/energy.md: the core meets about 80 MHz on OSU018 and 490 MHz on ASAP7.
TEST(EnergyData, AClockIsComparedWithWhatTheBlocksMeet) {
  const Technology osu018 = load_technology("osu018"), asap7 = load_technology("asap7");
  EXPECT_TRUE(osu018.too_slow_for(80).empty());
  ASSERT_FALSE(osu018.too_slow_for(125).empty());
  EXPECT_EQ(osu018.too_slow_for(125)[0].block, "controller");
  EXPECT_NEAR(osu018.too_slow_for(125)[0].mhz, 80, 1);
  EXPECT_TRUE(asap7.too_slow_for(300).empty());
  EXPECT_NEAR(asap7.too_slow_for(1067)[0].mhz, 490, 5);
  EXPECT_EQ(describe_missed_clock(asap7, 300), "");
  EXPECT_NE(describe_missed_clock(osu018, 1067).find("1067 MHz is more than blocks of osu018"),
            std::string::npos);
  // Blocks of comparisons are not part of the chip.
  for (const BlockClock& b : osu018.too_slow_for(1e5)) {
    EXPECT_FALSE(b.block.starts_with("lane_")) << b.block;
    EXPECT_FALSE(b.block.starts_with("decoder_")) << b.block;
  }
}

TEST(EnergyData, EveryTechnologyAndMemoryLoads) {
  for (const std::string& name : technology_names()) {
    const Technology t = load_technology(name);
    EXPECT_GT(t.voltage, 0.3) << name;
    EXPECT_GT(t.sram_byte(16384).value, 0) << name;
    EXPECT_GE(t.wires.value, 1) << name;
    for (const auto& [block, b] : t.blocks) {
      for (const auto& [workload, energy] : b.cycle)
        EXPECT_GT(energy.value, 0) << name << " " << block << " " << workload;
    }
  }
  for (const char* name : {"sdr", "ddr3", "ddr4", "lpddr4", "lpddr5x", "hbm2", "hbm2e", "hbm3"}) {
    const Dram d = load_dram(name);
    EXPECT_GT(d.read.value, 0) << name;
    EXPECT_GT(d.write.value, 0) << name;
    EXPECT_GT(d.phy.value, 0) << name;
  }
}

// The currents of technology.yaml by Micron's TN-40-07, computed by hand.
TEST(EnergyData, Ddr4EnergiesFollowFromItsCurrents) {
  const Dram d = load_dram("ddr4");
  const double clock = 0.83e-9, volts = 1.2, devices = 4;
  EXPECT_NEAR(d.activate.value, devices * volts * 2.069 * clock, 1e-15);  // 80*56 - 47*39 - 34*17
  EXPECT_NEAR(d.read.value, volts * 0.196 * 4 * clock / 16, 1e-18);       // 4 clocks, 16 bytes
  EXPECT_NEAR(d.refresh.value, devices * volts * 0.233 * 420 * clock, 1e-15);
  EXPECT_NEAR(d.open_standby.value, devices * volts * 0.047, 1e-12);
  EXPECT_EQ(d.row_bytes, 8192);
  EXPECT_EQ(d.read.tag, Tag::kDerived);
}

// An independent figure: 8 pJ/bit, "public data" of accelergy-cacti-plug-in.
TEST(EnergyData, Lpddr4AgreesWithPublishedEnergyPerBit) {
  const Dram d = load_dram("lpddr4");
  EXPECT_NEAR(d.read.value / 8 * 1e12, 8, 0.15 * 8);
}

TEST(EnergyData, SramBetweenPointsIsAPowerLaw) {
  Technology t;
  t.sram = {{1024, 8}, {4096, 32}};
  t.sram_scale = 2;
  t.sram_tag = Tag::kMeasured;
  EXPECT_DOUBLE_EQ(t.sram_byte(4096).value, 8);  // 32 * 2 / 8
  EXPECT_EQ(t.sram_byte(4096).tag, Tag::kMeasured);
  EXPECT_NEAR(t.sram_byte(2048).value, 4, 1e-12);
  EXPECT_EQ(t.sram_byte(2048).tag, Tag::kDerived);
  EXPECT_DOUBLE_EQ(t.sram_byte(100).value, 2);
  EXPECT_EQ(t.sram_byte(1 << 20).tag, Tag::kProjected);
}

TEST(EnergyData, UnknownNamesAreRefusedWithTheKnownOnes) {
  const auto message = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(message([] { load_technology("tsmc5"); }).find("osu018"), std::string::npos);
  EXPECT_NE(message([] { load_dram("edo"); }).find("lpddr4"), std::string::npos);
  EXPECT_NE(message([] { parse_tag("guessed"); }).find("projected"), std::string::npos);
  EXPECT_NE(message([] { Technology{}.block("array"); }).find("scripts/energy.sh"),
            std::string::npos);
}

}  // namespace
}  // namespace tern::energy
