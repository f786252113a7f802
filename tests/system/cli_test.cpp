// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "process.hpp"
#include "spec/generated/spec.hpp"

namespace tern::test {
namespace {

std::string temporary(const std::string& name) {
  return (std::filesystem::path(testing::TempDir()) / name).string();
}

std::string write_text(const std::string& name, const std::string& text) {
  const std::string path = temporary(name);
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

/// A failure that a user caused: status 1, nothing on stdout, one line on stderr that says what and
/// where.
void expect_one_line_error(const std::vector<std::string>& arguments, const std::string& part) {
  const Result r = run_tern(arguments);
  EXPECT_EQ(r.status, 1) << r.err;
  EXPECT_EQ(r.out, "");
  EXPECT_TRUE(r.err.starts_with("tern: error: ")) << r.err;
  EXPECT_EQ(std::count(r.err.begin(), r.err.end(), '\n'), 1) << r.err;
  EXPECT_NE(r.err.find(part), std::string::npos) << r.err;
}

/// A name that is none of those that a flag takes: status 2, and the names.
void expect_usage_error(const std::vector<std::string>& arguments, const std::string& part) {
  const Result r = run_tern(arguments);
  EXPECT_EQ(r.status, 2) << r.err;
  EXPECT_EQ(r.out, "");
  EXPECT_NE(r.err.find(part), std::string::npos) << r.err;
}

TEST(Run, SameSeedTellsTheSameStoryAndAnotherSeedAnother) {
  const std::vector<std::string> story = {"run", "--tokens", "40", "--quiet"};
  const auto with = [&](const std::string& seed) {
    std::vector<std::string> a = story;
    a.insert(a.end(), {"--seed", seed});
    const Result r = run_tern(a);
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_TRUE(r.out.starts_with("Once upon a time")) << r.out;
    return r.out;
  };
  EXPECT_EQ(with("3"), with("3"));
  EXPECT_NE(with("3"), with("4"));
}

TEST(Run, JsonHasTheTextAndTheTokens) {
  const nlohmann::json j = run_tern_json({"run", "--tokens", "12", "--temperature", "0"});
  EXPECT_EQ(j.at("ids").size(), 12u);
  EXPECT_TRUE(j.at("text").get<std::string>().starts_with("Once upon a time"));
  EXPECT_EQ(j.at("backend"), "golden:");
}

TEST(Run, AcceptsAnImageInPlaceOfTheGguf) {
  const std::string image = temporary("run.tern");
  ASSERT_EQ(run_tern({"convert", "-o", image, "--quiet"}).status, 0);
  const auto text = [](const nlohmann::json& j) { return j.at("text").get<std::string>(); };
  EXPECT_EQ(text(run_tern_json({"run", "--tokens", "20", "--model", image})),
            text(run_tern_json({"run", "--tokens", "20"})));
}

TEST(Run, ReferenceTellsAStoryToo) {
  const nlohmann::json j =
      run_tern_json({"run", "--backend", "reference:", "--tokens", "12", "--temperature", "0"});
  EXPECT_EQ(j.at("ids"), run_tern_json({"run", "--tokens", "12", "--temperature", "0"}).at("ids"));
}

/// The chip's firmware on every configuration, in any build.
TEST(Run, TheMachineTellsTheGoldenStory) {
  const nlohmann::json golden = run_tern_json({"run", "--tokens", "8"});
  for (const spec::ChipConfig& config : spec::kConfigs) {
    const std::string backend = std::string("machine:") + config.name;
    const nlohmann::json j = run_tern_json({"run", "--backend", backend, "--tokens", "8"});
    EXPECT_EQ(j.at("ids"), golden.at("ids")) << backend;
    EXPECT_EQ(j.at("text"), golden.at("text")) << backend;
    // It has no time: nothing that looks like a chip's cycles.
    EXPECT_FALSE(j.contains("cycles")) << backend;
    EXPECT_FALSE(j.contains("cycles_per_token")) << backend;
  }
}

TEST(Verify, TheMachineAgreesAtEveryTracedPoint) {
  const nlohmann::json j =
      run_tern_json({"verify", "--backend", "machine:edge", "--tokens", "2", "--prompt", "Once"});
  EXPECT_EQ(j.at("mismatched_vectors"), 0);
  EXPECT_GT(j.at("vectors").get<int>(), 500);
}

TEST(Dram, TellsWhatEachMemoryReachesAndWhereItsTimeGoes) {
  const nlohmann::json all = run_tern_json({"dram", "--requests", "20000"});
  ASSERT_GE(all.size(), 7u);
  for (const auto& m : all) {
    EXPECT_EQ(m.at("timing").size(), 21u) << m.at("name");
    for (const auto& p : m.at("patterns")) {
      const auto& c = p.at("counters");
      uint64_t sum = 0;
      for (const char* part : {"data_busy", "idle_no_request", "idle_refresh", "idle_turnaround",
                               "idle_bank_group", "idle_row", "idle_other"})
        sum += c.at(part).get<uint64_t>();
      EXPECT_EQ(sum, c.at("cycles").get<uint64_t>()) << m.at("name") << p.at("pattern");
    }
  }
  const auto sequential = [](const std::string& mapping) {
    std::vector<std::string> a = {"dram", "ddr4-2400", "--requests", "20000"};
    if (!mapping.empty()) a.insert(a.end(), {"--mapping", mapping});
    return run_tern_json(a).at(0).at("patterns").at(0).at("utilisation").get<double>();
  };
  EXPECT_GT(sequential(""), sequential("row-rank-bank-bankgroup-column") + 0.1);

  const Result details = run_tern({"dram", "lpddr4-3200", "--requests", "5000"});
  EXPECT_EQ(details.status, 0) << details.err;
  EXPECT_NE(details.out.find("JESD209-4"), std::string::npos);
}

TEST(Dram, WrongNamesAndPlacesAreErrors) {
  expect_usage_error({"dram", "ddr9"}, "ddr4-2400");
  expect_one_line_error({"dram", "no.yaml"}, "cannot be read");
  expect_one_line_error({"dram", "ddr4-2400", "--mapping", "row-bank"}, "leaves out");
  expect_one_line_error({"run", "--dram", "ddr4-2400"}, "golden has no DRAM");
  expect_usage_error({"run", "--backend", "rtl:nano", "--dram", "ddr9"}, "ddr4-2400");
}

TEST(Usage, IsStatusTwo) {
  EXPECT_EQ(run_tern({}).status, 2);
  EXPECT_EQ(run_tern({"run", "--no-such-flag"}).status, 2);
  EXPECT_EQ(run_tern({"run", "--tokens", "-5"}).status, 2);
  EXPECT_EQ(run_tern({"run", "--top-p", "1.5"}).status, 2);
  EXPECT_EQ(run_tern({"eval"}).status, 2);
}

TEST(Usage, NamesThatAreUnknownAreToldWithThoseThatAreKnown) {
  expect_usage_error({"nosuch"}, "there is no command nosuch; there are run verify");
  expect_usage_error({"run", "--backend", "gpu:0"}, "golden:");
  expect_usage_error({"run", "--backend", "golden"}, "golden:");
  expect_usage_error({"run", "--config", "tiny"}, "nano,edge,ulx3s,k26");
  expect_usage_error({"synth", "--preset", "llama-9t", "-o", temporary("x.tern")}, "bitnet-2b4t");
  expect_usage_error({"synth", "--preset", "demo", "--config", "tiny", "-o", temporary("x.tern")},
                     "nano,edge,ulx3s,k26");
}

TEST(Usage, ShortFlagsAreTheLongOnes) {
  EXPECT_EQ(run_tern({"run", "-m", TERN_DEMO_MODEL, "-p", "A cat", "-n", "4", "--quiet"}).out,
            run_tern({"run", "--prompt", "A cat", "--tokens", "4", "--quiet"}).out);
}

TEST(Usage, HelpIsThereForEveryCommand) {
  EXPECT_EQ(run_tern({"--version"}).status, 0);
  for (const char* command : {"run", "verify", "info", "convert", "synth", "eval", "bench",
                              "doctor", "dram", "perf", "report", "sweep"}) {
    const Result r = run_tern({command, "--help"});
    EXPECT_EQ(r.status, 0);
    EXPECT_NE(r.out.find("--json"), std::string::npos) << command;
  }
}

TEST(BadInput, GetsOneLineThatSaysWhatAndWhere) {
  expect_one_line_error({"run", "--model", temporary("no-such-file.gguf")}, "no-such-file.gguf");
  expect_one_line_error({"run", "--model", testing::TempDir()}, testing::TempDir());
  expect_one_line_error({"run", "--model", write_text("text.gguf", "hello, world")}, "text.gguf");
  expect_one_line_error({"run", "--model", write_text("empty.gguf", "")}, "empty.gguf");
  expect_one_line_error({"run", "--backend", "rtl:huge"}, "huge");
  expect_one_line_error({"run", "--trace", temporary("waves.fst")}, "no trace file");
  expect_one_line_error({"run", "--timeline", temporary("units.json")}, "no timeline");
  expect_one_line_error({"convert", "-o", "/no/such/folder/x.tern"}, "/no/such/folder");
  expect_one_line_error({"synth", "--preset", "demo", "--layers", "6", "-o", temporary("x.tern")},
                        "6 layers");
  expect_one_line_error({"eval", "--text", temporary("no-such-text.txt")}, "no-such-text.txt");
}

TEST(BadInput, ThreadsAreRefusedByBackendsThatHaveNone) {
  expect_one_line_error({"run", "--backend", "reference:", "--threads", "2"},
                        "reference takes no threads");
  expect_one_line_error({"run", "--backend", "tlm:edge", "--threads", "2"}, "tlm takes no threads");
}

TEST(BadInput, PromptLongerThanTheContextIsRefused) {
  std::string prompt;
  for (int i = 0; i < 600; ++i) prompt += "cat ";
  expect_one_line_error({"run", "--prompt", prompt}, "context 512");
  expect_one_line_error({"verify", "--backend", "golden:", "--tokens", "600"}, "context of 512");
}

TEST(BadInput, TruncatedAndDamagedFilesAreRefused) {
  std::ifstream in(TERN_DEMO_MODEL, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  ASSERT_GT(whole.size(), 1'000'000u);
  expect_one_line_error(
      {"run", "--model", write_text("half.gguf", whole.substr(0, whole.size() / 2))}, "half.gguf");
  std::string arch = whole;
  for (std::size_t at = 0; (at = arch.find("bitnet-b1.58", at)) != std::string::npos; ++at)
    arch.replace(at, 12, "gibnet-b1.58");
  expect_one_line_error({"run", "--model", write_text("arch.gguf", arch)}, "gibnet-b1.58");
  const std::string image = temporary("damaged.tern");
  ASSERT_EQ(run_tern({"convert", "-o", image, "--quiet"}).status, 0);
  std::fstream file(image, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(5000);
  file.put('\x55');
  file.close();
  expect_one_line_error({"run", "--model", image}, "checksum");
}

TEST(BadInput, ImagesOfAnotherVersionOrByteOrderAreRefusedWithBothVersions) {
  const std::string image = temporary("other.tern");
  ASSERT_EQ(run_tern({"convert", "-o", image, "--quiet"}).status, 0);
  std::ifstream in(image, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  in.close();
  std::string other = bytes;
  other[4] = 9;
  expect_one_line_error(
      {"run", "--model", write_text("version.tern", other)},
      fmt::format(".tern version 9, this program reads version {}", spec::kImageVersion));
  std::reverse(bytes.begin(), bytes.begin() + 4);
  std::reverse(bytes.begin() + 4, bytes.begin() + 8);
  expect_one_line_error(
      {"run", "--model", write_text("order.tern", bytes)},
      fmt::format("big-endian .tern version {0}, this program reads little-endian version {0}",
                  spec::kImageVersion));
}

TEST(Info, CountsTheTrafficOfAToken) {
  const nlohmann::json j = run_tern_json({"info"});
  EXPECT_EQ(j.at("ternary_weights"), 5 * (256 * 256 * 2 + 128 * 256 * 2 + 512 * 256 * 3));
  EXPECT_EQ(j.at("head_bytes_per_token"), 1024 * 256);
  EXPECT_NEAR(j.at("bits_per_weight").get<double>(), 1.6, 0.03);
}

TEST(Synth, WritesAnImageOfTheShapeThatRuns) {
  const std::string image = temporary("synth.tern");
  const nlohmann::json j =
      run_tern_json({"synth", "--preset", "demo", "--config", "nano", "--layers", "2", "--seed",
                     "9", "--zeros", "0.5", "--context", "64", "-o", image});
  EXPECT_EQ(j.at("bytes"), std::filesystem::file_size(image));
  const nlohmann::json info = run_tern_json({"info", "--model", image});
  EXPECT_EQ(info.at("layers"), 2);
  EXPECT_EQ(info.at("context"), 64);
  EXPECT_EQ(info.at("hidden"), run_tern_json({"info"}).at("hidden"));
  const nlohmann::json run = run_tern_json({"run", "--model", image, "--tokens", "5"});
  EXPECT_EQ(run.at("ids").size(), 5u);
}

TEST(Perf, PredictsAShapeWithoutAnImage) {
  const nlohmann::json j = run_tern_json(
      {"perf", "--preset", "bitnet-2b4t", "--context", "512", "--prefill", "8", "--activity"});
  EXPECT_EQ(j.at("config"), "edge");
  const nlohmann::json& prefill = j.at("results").at(0);
  const nlohmann::json& decode = j.at("results").at(1);
  // Beats of the 2.08 billion weights, the head and 513 positions, from the shape.
  EXPECT_EQ(decode.at("beats"), 30 * (217136 + 5 * (1040 + 1152)) + 5130240);
  EXPECT_GT(decode.at("cycles").get<int64_t>(), decode.at("beats").get<int64_t>());
  EXPECT_LT(decode.at("cycles_per_token").get<double>(), 1.05 * 11973120);
  EXPECT_LT(prefill.at("cycles_per_token").get<double>(),
            decode.at("cycles_per_token").get<double>() / 4);
  EXPECT_EQ(decode.at("activity").at("matrix_beats.value.1"), 5130240);
}

TEST(Perf, AnswersToParametersAndModelFiles) {
  const auto cycles = [](std::vector<std::string> more) {
    more.insert(more.begin(), {"perf", "--context", "100"});
    return run_tern_json(more).at("results").at(0).at("cycles").get<int64_t>();
  };
  EXPECT_GT(cycles({"--latency", "300"}), cycles({}));
  EXPECT_GT(cycles({"--lanes", "8"}), cycles({}));
  EXPECT_GT(cycles({"--config", "nano"}), 3 * cycles({}));
  expect_one_line_error({"perf", "--context", "600"}, "need 601 positions, Tern demo has 512");
  expect_one_line_error({"perf", "--columns", "48"}, "columns is 48");
  expect_one_line_error({"perf", "--fifo-beats", "8"}, "fifo_beats is 8");
  expect_one_line_error({"perf", "--preset", "llama"}, "bitnet-2b4t");
  expect_one_line_error({"perf", "--compare", "--lanes", "16"}, "--lanes");
}

TEST(Perf, TheBackendTellsCyclesAndNoText) {
  const nlohmann::json j = run_tern_json({"run", "--backend", "tlm:edge", "--tokens", "20"});
  EXPECT_FALSE(j.at("computes").get<bool>());
  EXPECT_EQ(j.at("text"), "");
  EXPECT_EQ(j.at("tokens"), 20);
  EXPECT_GT(j.at("cycles_per_token").get<double>(), 10000);
  EXPECT_TRUE(run_tern_json({"run", "--tokens", "2"}).at("computes").get<bool>());
  // What needs results is refused.
  expect_one_line_error({"verify", "--backend", "tlm:edge", "--tokens", "1"}, "computes no");
  expect_one_line_error({"run", "--backend", "tlm:huge"}, "nano, edge");
}

/// What verify compares, counted from the shape: every trace point of registers.md in every layer,
/// at every position.
TEST(Verify, ComparesEveryVectorOfEveryPosition) {
  const nlohmann::json info = run_tern_json({"info"});
  const auto size = [&](const char* name) { return info.at(name).get<int64_t>(); };
  const int64_t hidden = size("hidden"), ffn = size("ffn"), heads = size("heads");
  const int64_t dim = size("head_dim"), keys = size("kv_heads") * dim;
  const nlohmann::json j = run_tern_json({"verify", "--backend", "golden:", "--tokens", "4"});
  EXPECT_TRUE(j.at("pass").get<bool>());
  const auto positions = j.at("positions").get<int64_t>();
  EXPECT_GT(positions, 8);
  int64_t vectors = 0, elements = 0;
  for (int64_t position = 0; position < positions; ++position) {
    vectors += size("layers") * (15 + 3 * heads) + 4;
    const int64_t head = position + 1 + 2 * dim;  // scores and both limbs of the mixture
    elements += size("layers") * (6 * hidden + 2 * heads * dim + 4 * keys + 3 * ffn + heads * head);
    elements += 2 * hidden + 2 * size("vocab");
  }
  EXPECT_EQ(j.at("vectors"), vectors);
  EXPECT_EQ(j.at("elements"), elements);
}

}  // namespace
}  // namespace tern::test
