// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <istream>
#include <string>

namespace tern::cli {

/// A text file: lines end in LF whatever the file has (CR LF of Windows), and a byte order mark in
/// front is left out.
std::string read_text_file(const std::filesystem::path& path);

/// The next line that a user typed, without its LF or CR LF and a byte order mark in front; bytes
/// that are not UTF-8 are U+FFFD. False at the end.
bool read_line(std::istream& in, std::string& line);

}  // namespace tern::cli
