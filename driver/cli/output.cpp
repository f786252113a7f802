// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "io/error.hpp"

namespace tern::cli {

namespace fs = std::filesystem;

namespace {

std::string system_message(int error) { return std::generic_category().message(error); }

bool loss_told = false;

[[noreturn]] void fail() {
  const int error = errno;
  loss_told = true;
  throw Error("standard output: cannot write: {}", system_message(error));
}

void put(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) fail();
}

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code ignored;  // what cannot be found is no other file
  return fs::equivalent(a, b, ignored);
}

}  // namespace

void say_text(std::string_view text) { put(io::plain_text(text)); }

void note_text(std::string_view text) {
  const std::string plain = io::plain_text(text);
  std::fwrite(plain.data(), 1, plain.size(), stderr);
}

void stream_text(std::string_view piece) {
  static const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  put(terminal ? io::plain_text(piece) : std::string(piece));
  flush_output();
}

std::string json_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void say_json(const nlohmann::json& value) { put(json_text(value) + '\n'); }

void flush_output() {
  if (std::fflush(stdout) != 0) fail();
}

int finish_output(int status) {
  errno = 0;
  const bool failed = std::ferror(stdout) != 0;
  bool lost = std::fflush(stdout) != 0 || failed;
  // Some file systems tell only here that there is no room. A descriptor that was closed from the
  // start loses nothing where nothing was written.
  if (std::fclose(stdout) != 0 && errno != EBADF) lost = true;
  if (!lost) return status;
  // Who reads no further needs no message.
  if (errno != EPIPE && !loss_told)
    note("tern: error: standard output: cannot write{}{}; the output is not complete\n",
         errno != 0 ? ": " : "", errno != 0 ? system_message(errno) : "");
  return status == 0 ? 1 : status;
}

void refuse_output_onto(const fs::path& output, const std::vector<fs::path>& inputs) {
  const auto check = [&](const fs::path& input) {
    if (same_file(output, input))
      throw Error("{}: is {}, which is read; give another name for the output", output.string(),
                  output == input ? "the input itself" : "the input " + input.string());
  };
  for (const fs::path& input : inputs) {
    std::error_code ignored;
    check(input);
    // A folder is read with all its files, a part of a split model (NAME-00001-of-00003.gguf) with
    // those beside it.
    const std::string name = input.filename().string();
    const std::size_t of = name.rfind("-of-");
    const bool folder = fs::is_directory(input, ignored);
    if (!folder && of == std::string::npos) continue;
    const fs::path place = folder ? input : input.parent_path() / ".";
    for (const fs::directory_entry& entry : fs::directory_iterator(place, ignored)) {
      const std::string other = entry.path().filename().string();
      if (folder || (other.size() == name.size() && other.ends_with(name.substr(of))))
        check(entry.path());
    }
  }
}

}  // namespace tern::cli
