// SPDX-License-Identifier: Apache-2.0
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <bit>

#include "io/error.hpp"
#include "io/mapped_file.hpp"
#include "io/vocabulary.hpp"

/// SentencePiece's ModelProto (sentencepiece_model.proto), by field number: Debian's package has
/// the library but not the generated classes.
namespace tern::io {

namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

/// Fields of one message. `field(number)` reads the field's value and returns true, or returns
/// false to skip it; every failure makes `read` return false.
template <typename Field>
bool read_message(CodedInputStream& in, const Field& field) {
  while (const std::uint32_t tag = in.ReadTag()) {
    bool ok = true;
    if (!field(WireFormatLite::GetTagFieldNumber(tag), WireFormatLite::GetTagWireType(tag), ok))
      ok = WireFormatLite::SkipField(&in, tag);
    if (!ok) return false;
  }
  return in.ConsumedEntireMessage();
}

template <typename Field>
bool read_nested(CodedInputStream& in, const Field& field) {
  std::uint32_t size = 0;
  if (!in.ReadVarint32(&size)) return false;
  const auto limit = in.PushLimit(static_cast<int>(size));
  const bool ok = size <= INT32_MAX && read_message(in, field);
  in.PopLimit(limit);
  return ok;
}

struct Reader {
  CodedInputStream& in;

  bool number(WireFormatLite::WireType type, std::uint64_t& value) const {
    return type == WireFormatLite::WIRETYPE_VARINT && in.ReadVarint64(&value);
  }
  bool id(WireFormatLite::WireType type, int& value) const {
    std::uint64_t wide = 0;
    if (!number(type, wide)) return false;
    value = static_cast<int>(static_cast<std::int64_t>(wide));
    return true;
  }
  bool flag(WireFormatLite::WireType type, bool& value) const {
    std::uint64_t wide = 0;
    if (!number(type, wide)) return false;
    value = wide != 0;
    return true;
  }
  bool real(WireFormatLite::WireType type, float& value) const {
    std::uint32_t bits = 0;
    if (type != WireFormatLite::WIRETYPE_FIXED32 || !in.ReadLittleEndian32(&bits)) return false;
    value = std::bit_cast<float>(bits);
    return true;
  }
  bool text(WireFormatLite::WireType type, std::string& value) const {
    std::uint32_t size = 0;
    return type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED && in.ReadVarint32(&size) &&
           size <= INT32_MAX && in.ReadString(&value, static_cast<int>(size));
  }
};

struct Specs {
  std::uint64_t model_type = 1;  // 1 unigram, 2 BPE
  bool whitespace_as_suffix = false;
  std::string normalisation, character_map;
  bool add_space_prefix = true;
  bool remove_extra_whitespaces = true, escape_whitespaces = true;
};

bool read_piece(const Reader& r, Vocabulary& v) {
  std::string piece;
  float score = 0;
  std::uint64_t type = 1;
  const bool ok = read_nested(r.in, [&](int field, auto wire, bool& read) {
    if (field == 1) read = r.text(wire, piece);
    if (field == 2) read = r.real(wire, score);
    if (field == 3) read = r.number(wire, type);
    return field >= 1 && field <= 3;
  });
  v.pieces.push_back(std::move(piece));
  v.scores.push_back(score);
  v.types.push_back(static_cast<TokenType>(type));
  return ok;
}

bool read_trainer(const Reader& r, Vocabulary& v, Specs& specs) {
  return read_nested(r.in, [&](int field, auto wire, bool& read) {
    switch (field) {
      case 3:
        read = r.number(wire, specs.model_type);
        return true;
      case 24:
        read = r.flag(wire, specs.whitespace_as_suffix);
        return true;
      case 41:
        read = r.id(wire, v.bos);
        return true;
      case 42:
        read = r.id(wire, v.eos);
        return true;
      default:
        return false;
    }
  });
}

bool read_normaliser(const Reader& r, Specs& specs) {
  return read_nested(r.in, [&](int field, auto wire, bool& read) {
    switch (field) {
      case 1:
        read = r.text(wire, specs.normalisation);
        return true;
      case 2:
        read = r.text(wire, specs.character_map);
        return true;
      case 3:
        read = r.flag(wire, specs.add_space_prefix);
        return true;
      case 4:
        read = r.flag(wire, specs.remove_extra_whitespaces);
        return true;
      case 5:
        read = r.flag(wire, specs.escape_whitespaces);
        return true;
      default:
        return false;
    }
  });
}

}  // namespace

Vocabulary read_sentencepiece_model(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  if (bytes.size() > (1u << 28)) {
    throw Error("{}: {} bytes are too many for a SentencePiece model", path.string(), bytes.size());
  }
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  const Reader r{in};
  Vocabulary v;
  v.bos = 1;  // the defaults of the format
  v.eos = 2;
  Specs specs;
  const bool ok = read_message(in, [&](int field, auto wire, bool& read) {
    if (field < 1 || field > 3 || wire != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) return false;
    read = field == 1   ? read_piece(r, v)
           : field == 2 ? read_trainer(r, v, specs)
                        : read_normaliser(r, specs);
    return true;
  });
  if (!ok || v.pieces.empty()) {
    throw Error("{}: is not a SentencePiece model, or is damaged", path.string());
  }
  const auto refuse = [&](std::string_view what) {
    throw Error("{}: {} is not supported, only BPE with identity normalisation", path.string(),
                what);
  };
  if (specs.model_type != 2) refuse("a model that is not BPE");
  if (!specs.character_map.empty()) refuse("normalisation " + quote(specs.normalisation));
  if (specs.remove_extra_whitespaces) refuse("removing extra white space");
  if (!specs.escape_whitespaces) refuse("unescaped white space");
  if (specs.whitespace_as_suffix) refuse("white space as a suffix");
  if (!specs.add_space_prefix) v.space_prefix = SpacePrefix::kNone;
  return v;
}

}  // namespace tern::io
