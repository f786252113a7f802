// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

/// What every fuzz target is made of. A target defines LLVMFuzzerTestOneInput(); libFuzzer calls it
/// with inputs that it makes up, replay.cpp with those of the kept corpus.
namespace tern::fuzz {

/// While it lives, an allocation of more than twice `input_bytes` and a constant ends the program:
/// what a reader takes must follow from what the file holds, not from what it claims. Sees
/// `operator new`, and with AddressSanitizer malloc() too.
class AllocationBound {
 public:
  explicit AllocationBound(std::size_t input_bytes);
  ~AllocationBound();
  AllocationBound(const AllocationBound&) = delete;
  AllocationBound& operator=(const AllocationBound&) = delete;

  /// Room for messages, streams and the tables that do not depend on the input.
  static constexpr std::size_t kConstant = 1 << 20;
};

/// While it lives, more than ten seconds of CPU time end the program, however busy the machine is.
class TimeBound {
 public:
  TimeBound();
  ~TimeBound();
  TimeBound(const TimeBound&) = delete;
  TimeBound& operator=(const TimeBound&) = delete;

  static constexpr int kSeconds = 10;
};

/// A file in memory that holds the input, for readers that take a path.
class InputFile {
 public:
  explicit InputFile(std::span<const std::uint8_t> input);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  int descriptor_;
  std::filesystem::path path_;
};

/// A message is one line of bounded length; ends the program with it otherwise.
void check_message(const char* message);

}  // namespace tern::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
