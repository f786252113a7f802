// SPDX-License-Identifier: Apache-2.0
#include "waves.hpp"

#include <stdexcept>

// The reader of the format comes with Verilator, as source to be included.
#define HAVE_LIBPTHREAD
#define FST_CONFIG_INCLUDE "fst_config.h"
#include "gtkwave/fastlz.c"
#include "gtkwave/fstapi.c"
#include "gtkwave/lz4.c"

namespace tern::test {
namespace {

using Names = std::multimap<fstHandle, std::string>;  // two signals may be one

struct Reading {
  const Names& names;
  Waves& waves;
};

void take_change(void* reading, uint64_t time, fstHandle signal, const unsigned char* value) {
  const auto& [names, waves] = *static_cast<Reading*>(reading);
  const auto [first, last] = names.equal_range(signal);
  for (auto at = first; at != last; ++at)
    waves.signals[at->second].emplace_back(time, reinterpret_cast<const char*>(value));
}

}  // namespace

Waves read_waves(const std::filesystem::path& file, const std::string& scope) {
  void* reader = fstReaderOpen(file.c_str());
  if (reader == nullptr) throw std::runtime_error(file.string() + " is no FST file");
  Waves waves;
  waves.end = fstReaderGetEndTime(reader);
  Names names;
  std::vector<std::string> path{""};
  while (const fstHier* entry = fstReaderIterateHier(reader)) {
    if (entry->htyp == FST_HT_SCOPE) {
      path.push_back(path.back() + entry->u.scope.name + ".");
    } else if (entry->htyp == FST_HT_UPSCOPE) {
      path.pop_back();
    } else if (entry->htyp == FST_HT_VAR && path.back() == scope + ".") {
      // "name [31:0]"
      const std::string name(entry->u.var.name, entry->u.var.name_length);
      names.emplace(entry->u.var.handle, path.back() + name.substr(0, name.find(' ')));
      fstReaderSetFacProcessMask(reader, entry->u.var.handle);
    }
  }
  Reading reading{names, waves};
  fstReaderIterBlocks(reader, take_change, &reading, nullptr);
  fstReaderClose(reader);
  return waves;
}

}  // namespace tern::test
