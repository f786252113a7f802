// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "errors_of.hpp"
#include "gguf_builder.hpp"
#include "io/error.hpp"
#include "io/gguf.hpp"
#include "io/tensor_types.hpp"

namespace tern {
namespace {

using io::Gguf;
using test::fails_with;
using test::GgufBuilder;

Gguf open(const GgufBuilder& builder) { return Gguf(builder.build(), "test.gguf"); }

class FileTest : public testing::Test {
 protected:
  const std::filesystem::path directory_ = testing::TempDir();
};

/// A model whose tensors are dealt out to files in turn. Changes to one part come from `change`.
class SplitTest : public FileTest {
 protected:
  static constexpr int kParts = 3;

  std::filesystem::path part(int number, int count = kParts) const {
    return directory_ / fmt::format("m-{:05}-of-{:05}.gguf", number, count);
  }
  void write(const std::filesystem::path& path, const std::vector<std::byte>& bytes) const {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  static std::string data_of(const io::GgufTensor& tensor) {
    return {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()};
  }
  /// The tensors of `whole`; part 1 has the other metadata too, which come with `builder`.
  void deal(const Gguf& whole, GgufBuilder builder) const {
    const std::size_t tensors = whole.tensors().size();
    for (int number = 1; number <= kParts; ++number) {
      GgufBuilder b = number == 1 ? builder : GgufBuilder();
      b.u32("split.no", static_cast<std::uint32_t>(number) - 1);
      if (number == 1)
        b.u32("split.count", kParts).i32("split.tensors.count", static_cast<std::int32_t>(tensors));
      for (std::size_t i = static_cast<std::size_t>(number) - 1; i < tensors; i += kParts) {
        const io::GgufTensor& t = whole.tensors()[i];
        b.tensor(std::string(t.name), {t.dimensions().begin(), t.dimensions().end()}, t.type,
                 data_of(t));
      }
      write(part(number), b.build());
    }
  }
  void deal_floats(std::string_view key = {}, std::uint32_t value = 0) const {
    GgufBuilder whole, first;
    for (const char* name : {"a", "b", "c", "d"})
      whole.tensor(name, {2}, 0, std::string(4, name[0]) + std::string(4, '\0'));
    if (!key.empty()) first.u32(key, value);
    deal(open(whole), first);
  }
};

TEST_F(SplitTest, IsOpenedByTheNameOfAnyPart) {
  deal_floats("note", 7);
  for (int number = 1; number <= kParts; ++number) {
    const Gguf g{part(number)};
    EXPECT_EQ(g.file(), part(1).string());
    EXPECT_EQ(g.parts(), 3u);
    EXPECT_EQ(g.get<int>("note"), 7);
    ASSERT_EQ(g.tensors().size(), 4u);
    EXPECT_EQ(g.find_tensor("z"), nullptr);
    for (const char* name : {"a", "b", "c", "d"})
      EXPECT_EQ(data_of(g.tensor(name)).substr(0, 4), std::string(4, name[0]));
    EXPECT_EQ(g.tensor("b").file, part(2).string());
    EXPECT_EQ(g.file_size(), std::filesystem::file_size(part(1)) +
                                 std::filesystem::file_size(part(2)) +
                                 std::filesystem::file_size(part(3)));
  }
}

TEST_F(SplitTest, APartIsNeverAWholeModel) {
  const auto refused = [&](const std::filesystem::path& path,
                           std::initializer_list<std::string_view> parts) {
    EXPECT_TRUE(fails_with([&] { Gguf{path}; }, parts));
  };
  deal_floats();
  std::filesystem::remove(part(2));
  refused(part(1), {"part 1 of 3", "part 2,", "is missing"});
  refused(part(3), {"part 3 of 3", "part 2,", "is missing"});
  deal_floats();
  std::filesystem::rename(part(1), directory_ / "renamed.gguf");
  refused(directory_ / "renamed.gguf", {"part 1 of 3", "its name does not end in"});
  std::filesystem::rename(part(2), directory_ / "second.gguf");
  refused(directory_ / "second.gguf", {"part 2 of several", "its name does not end in"});
  deal_floats();
  std::filesystem::copy(part(3), part(2), std::filesystem::copy_options::overwrite_existing);
  refused(part(1), {"its name says part 2", "\"split.no\" says part 3"});
  deal_floats();
  for (int number = 1; number <= kParts; ++number)
    std::filesystem::rename(part(number), part(number, 4));
  std::filesystem::copy(part(3, 4), part(4, 4));
  refused(part(1, 4), {"its name says 4 parts", "\"split.count\" says 3"});
  deal_floats();
  write(part(2), GgufBuilder().u32("split.no", 1).tensor("a", {2}, 0, std::string(8, 'x')).build());
  refused(part(1), {"tensor \"a\" occurs in", part(1).filename().string()});
  write(part(2), GgufBuilder().u32("split.no", 1).build());
  refused(part(1), {"have 3 tensors", "\"split.tensors.count\" says 4"});
  write(part(2), GgufBuilder().build());
  refused(part(1), {part(2).filename().string(), "\"split.no\" is missing"});
  write(part(2), {std::byte{'G'}});
  refused(part(1), {part(2).filename().string(), "ends inside the magic number"});
  write(part(1), GgufBuilder().tensor("a", {2}, 0, std::string(8, 'x')).build());
  deal_floats();
  write(part(1), GgufBuilder().tensor("a", {2}, 0, std::string(8, 'x')).build());
  refused(part(1), {"its name says part 1 of 3", "\"split.count\" is missing"});
  const auto bytes = GgufBuilder().u32("split.no", 0).u32("split.count", 2).build();
  EXPECT_TRUE(fails_with([&] { Gguf(bytes, "memory"); }, {"memory: this is part 1 of 2"}));
}

TEST_F(SplitTest, FilesOfOnePartAreWhole) {
  for (const std::uint32_t count : {0u, 1u}) {
    write(part(1), GgufBuilder()
                       .u32("split.no", 0)
                       .u32("split.count", count)
                       .tensor("a", {2}, 0, std::string(8, 'x'))
                       .build());
    EXPECT_EQ(Gguf{part(1)}.parts(), 1u);
  }
  write(part(1, 1), GgufBuilder().tensor("a", {2}, 0, std::string(8, 'x')).build());
  EXPECT_EQ(Gguf{part(1, 1)}.tensors().size(), 1u);
}

TEST_F(SplitTest, LayoutsAreThoseOfTheWholeModel) {
  // One row of 128 alone takes 64 bytes in blocks of 64 and of 128; only part 1 tells.
  const std::vector<std::int8_t> few(128, 1), many(4096, 1);
  GgufBuilder first, second;
  first.u32("split.no", 0).u32("split.count", 2);
  first.tensor("big", {4096}, 42, test::pack_ternary(42, many, 0x3c00, 128));
  second.u32("split.no", 1).tensor("small", {128}, 42, test::pack_ternary(42, few, 0x3c00, 128));
  write(part(1, 2), first.build());
  write(part(2, 2), second.build());
  const Gguf g{part(2, 2)};
  EXPECT_EQ(g.tensor("small").layout, io::TensorLayout::kBlocksOf128);
  EXPECT_EQ(decode_floats(g.tensor("small")), std::vector<float>(128, 1.0f));
}

TEST_F(SplitTest, DamagedPartsAreRefusedOrLoad) {
  std::mt19937 random(5);
  for (int i = 0; i < 300; ++i) {
    deal_floats("note", 7);
    const auto path = part(1 + static_cast<int>(random() % kParts));
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(random() % std::filesystem::file_size(path)));
    file.put(static_cast<char>(random()));
    file.close();
    try {
      const Gguf g{part(1)};
      EXPECT_EQ(g.tensors().size(), 4u);
    } catch (const Error& e) {
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace tern
