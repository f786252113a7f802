// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/image.hpp"
#include "spec/trace.hpp"
#include "tern/device.hpp"
#include "tern/transport.hpp"

namespace tern::driver {

/// Bytes of a trace buffer that holds all records of one token, and those of the output head of
/// each of M tokens: a multiple of kAddrUnit.
uint64_t trace_buffer_bytes(const spec::ModelDescriptor& model, const spec::ChipConfig& chip);

/// Makes events of the records in the trace buffer. Keys and values are not in there: once a token
/// has been through a layer's attention, they are read from the caches in memory, as the chip wrote
/// them and will read them.
class TraceReader {
 public:
  TraceReader(const io::Image& image, Transport& transport)
      : image_(image), transport_(transport) {}

  void set_sink(TraceSink sink) { sink_ = std::move(sink); }

  /// All records in [address, address + bytes). Throws tern::Error when they are none.
  void read(uint64_t address, uint64_t bytes);

  /// The logits that came last, and their position.
  struct At {
    uint32_t position;
    Logits logits;
  };
  std::optional<At> take_logits() { return std::exchange(logits_, std::nullopt); }

 private:
  void event(const spec::TraceRecord& record, std::span<const int32_t> values);
  void emit(TraceKey key, std::span<const int32_t> values, std::span<const int8_t> inputs,
            uint64_t cycle);
  void read_caches(const spec::TraceRecord& record);
  std::vector<int32_t> cached_keys(uint64_t cache, uint32_t position);
  std::vector<int32_t> cached_values(uint64_t cache, uint32_t position);
  [[noreturn]] void fail(uint64_t address, const std::string& why) const;

  const io::Image& image_;
  Transport& transport_;
  TraceSink sink_;
  std::optional<At> logits_;
  std::map<uint32_t, std::vector<int8_t>> inputs_;  ///< By position: what was quantised last.
  std::vector<std::byte> buffer_;
};

}  // namespace tern::driver
