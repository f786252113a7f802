// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "io/plain_text.hpp"

/// What commands write: every result goes to stdout through here, and every file is checked against
/// the inputs before anything is written.
namespace tern::cli {

/// Names and texts of files, on one line of a terminal.
using io::plain_line;

/// Text to stdout, as io::plain_text() shows it. Throws Error when stdout does not take it.
void say_text(std::string_view text);
template <typename... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  say_text(fmt::format(format, std::forward<Args>(args)...));
}
/// Diagnostics on stderr, shown the same way; that stderr does not take them is no error.
void note_text(std::string_view text);
template <typename... Args>
void note(fmt::format_string<Args...> format, Args&&... args) {
  note_text(fmt::format(format, std::forward<Args>(args)...));
}

/// A piece of generated text, whole characters, seen at once: byte for byte where stdout is a file
/// or a pipe, as io::plain_text() on a terminal. Throws Error when stdout does not take it.
void stream_text(std::string_view piece);
/// A value as JSON without line feeds, whatever bytes its strings have: what is not UTF-8 becomes
/// U+FFFD.
std::string json_text(const nlohmann::json& value);
/// The same on a line of stdout. Throws Error when stdout does not take it.
void say_json(const nlohmann::json& value);
/// What was written reaches the file now. Throws Error when it does not.
void flush_output();

/// To be called once, last: flushes and closes stdout. The exit status: `status`, or 1 with a
/// message when not all of the output reached its place.
int finish_output(int status);

/// Throws Error when `output` is one of the inputs, under whatever name or link, or a file of an
/// input folder: writing it would destroy what is read.
void refuse_output_onto(const std::filesystem::path& output,
                        const std::vector<std::filesystem::path>& inputs);

}  // namespace tern::cli
