// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_split.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "io/error.hpp"
#include "io/file_status.hpp"

namespace tern::io {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kNumber = "split.no", kCount = "split.count",
                           kTensors = "split.tensors.count";

/// What the name of a part says: "PREFIX-00002-of-00003.gguf".
struct PartName {
  std::string prefix;
  std::uint64_t number = 0;  ///< from 1
  std::uint64_t count = 0;
};

std::string file_name(const PartName& part, std::uint64_t number) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", part.prefix, number, part.count);
}

/// The number at the end of `text`, which is then cut off.
std::optional<std::uint64_t> cut_number(std::string_view& text) {
  constexpr std::size_t kDigits = 5;
  if (text.size() < kDigits) return std::nullopt;
  const std::string_view digits = text.substr(text.size() - kDigits);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + kDigits, number);
  if (error != std::errc() || end != digits.data() + kDigits) return std::nullopt;
  text.remove_suffix(kDigits);
  return number;
}

bool cut(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

/// Nothing where the name is not that of one of several parts.
std::optional<PartName> part_name(const fs::path& path) {
  const std::string name = path.filename().string();
  std::string_view rest = name;
  if (!cut(rest, ".gguf")) return std::nullopt;
  const auto count = cut_number(rest);
  if (!count || !cut(rest, "-of-")) return std::nullopt;
  const auto number = cut_number(rest);
  if (!number || !cut(rest, "-") || *count < 2 || *number < 1 || *number > *count)
    return std::nullopt;
  return PartName{std::string(rest), *number, *count};
}

/// How many parts its keys say the model has; nothing where they do not say it.
std::optional<std::uint64_t> stated_count(const Gguf& gguf) {
  if (!gguf.has(kCount)) return std::nullopt;
  return gguf.get<std::uint64_t>(kCount);
}

/// Do its keys say that it is a part? A count of 0 or 1 is that of a whole model.
bool is_part(const Gguf& gguf) {
  if (gguf.get_or<std::uint64_t>(kNumber, 0) > 0) return true;
  const auto count = stated_count(gguf);
  return count ? *count > 1 : gguf.has(kNumber);
}

std::string describe_part(const Gguf& gguf) {
  const auto count = stated_count(gguf);
  return fmt::format("part {} of {} of a split model", gguf.get<std::uint64_t>(kNumber) + 1,
                     count ? fmt::format("{}", *count) : "several");
}

}  // namespace

void SplitGguf::restart(const fs::path& path) {
  parsers_.clear();
  gguf_.metadata_.clear();
  gguf_.tensors_.clear();
  gguf_.tensor_index_.clear();
  gguf_.map(path);
  parsers_.emplace_back(gguf_).parse_tables();
}

void SplitGguf::read_whole() {
  parsers_.emplace_back(gguf_).parse_tables();
  if (is_part(gguf_)) {
    throw Error("{}: this is {}, which can only be opened as a file beside the others",
                gguf_.file(), describe_part(gguf_));
  }
  merge();
}

void SplitGguf::check_number(const Gguf& part, std::uint64_t number, std::uint64_t count) const {
  const auto stated = part.get<std::uint64_t>(kNumber);
  if (stated != number - 1) {
    throw Error("{}: its name says part {}, its metadata {} says part {} (counted from 0: {})",
                part.file(), number, quote(kNumber), stated + 1, stated);
  }
  const auto stated_parts = stated_count(part).value_or(count);
  if (stated_parts != count) {
    throw Error("{}: its name says {} parts, its metadata {} says {}", part.file(), count,
                quote(kCount), stated_parts);
  }
}

void SplitGguf::open(const fs::path& path) {
  restart(path);
  const auto name = part_name(path);
  if (!name) {
    if (is_part(gguf_)) {
      throw Error(
          "{}: this is {}, and its name does not end in \"-00001-of-00002.gguf\" or the like, "
          "which tells where the other parts are; give the parts the names that they had",
          gguf_.file(), describe_part(gguf_));
    }
    return merge();
  }
  const auto part_path = [&](std::uint64_t number) {
    return path.parent_path() / file_name(*name, number);
  };
  if (gguf_.has(kCount) && !is_part(gguf_)) return merge();  // parts put together again
  for (std::uint64_t number = 1; number <= name->count; ++number) {
    if (!path_exists(part_path(number))) {
      throw Error("{}: this is part {} of {} of a split model, and part {}, {}, is missing",
                  path.string(), name->number, name->count, number,
                  quote(part_path(number).string()));
    }
  }
  if (name->number != 1) restart(part_path(1));
  if (!gguf_.has(kCount)) {
    throw Error(
        "{}: its name says part 1 of {}, but metadata {} is missing; rename it if it is a "
        "whole model",
        gguf_.file(), name->count, quote(kCount));
  }
  check_number(gguf_, 1, name->count);
  for (std::uint64_t number = 2; number <= name->count; ++number) {
    gguf_.other_parts_.push_back(std::unique_ptr<Gguf>(new Gguf));
    Gguf& part = *gguf_.other_parts_.back();
    part.map(part_path(number));
    parsers_.emplace_back(part).parse_tables();
    check_number(part, number, name->count);
  }
  merge();
}

void SplitGguf::merge() {
  GgufParser::place_tensors(parsers_);
  for (const std::unique_ptr<Gguf>& part : gguf_.other_parts_) {
    for (const GgufTensor& tensor : part->tensors_) {
      const auto [entry, is_new] = gguf_.tensor_index_.emplace(tensor.name, gguf_.tensors_.size());
      if (!is_new) {
        throw Error("{}: tensor {} occurs in {} too", part->file(), quote(tensor.name),
                    gguf_.tensors_[entry->second].file);
      }
      gguf_.tensors_.push_back(tensor);
    }
    part->tensors_.clear();
    part->tensor_index_.clear();
  }
  if (gguf_.other_parts_.empty() || !gguf_.has(kTensors)) return;
  const auto stated = gguf_.get<std::uint64_t>(kTensors);
  if (stated != gguf_.tensors_.size()) {
    throw Error(
        "{}: its {} parts have {} tensors, metadata {} says {}; they are not parts of one "
        "model, or one is damaged",
        gguf_.file(), gguf_.parts(), gguf_.tensors_.size(), quote(kTensors), stated);
  }
}

}  // namespace tern::io
