// SPDX-License-Identifier: Apache-2.0
#include "gguf_builder.hpp"

#include <fmt/format.h>

#include <random>
#include <utility>

namespace tern::test {

namespace {

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void put_string(std::string& out, std::string_view text) {
  put<std::uint64_t>(out, text.size());
  out += text;
}

void pad(std::string& out, std::uint64_t alignment) {
  out.resize((out.size() + alignment - 1) / alignment * alignment);
}

std::string array_bytes(std::uint32_t type, std::uint64_t count) {
  std::string out;
  put(out, type);
  put(out, count);
  return out;
}

}  // namespace

GgufBuilder& GgufBuilder::raw(std::string_view key, std::uint32_t type, std::string_view bytes) {
  put_string(metadata_, key);
  put(metadata_, type);
  metadata_ += bytes;
  ++metadata_count_;
  return *this;
}

GgufBuilder& GgufBuilder::string(std::string_view key, std::string_view value) {
  std::string out;
  put_string(out, value);
  return raw(key, 8, out);
}

GgufBuilder& GgufBuilder::strings(std::string_view key, std::span<const std::string> values) {
  std::string out = array_bytes(8, values.size());
  for (const std::string& value : values) put_string(out, value);
  return raw(key, 9, out);
}

GgufBuilder& GgufBuilder::floats(std::string_view key, std::span<const float> values) {
  return raw(key, 9, array_bytes(6, values.size()) + bytes_of(values));
}

GgufBuilder& GgufBuilder::ints(std::string_view key, std::span<const std::int32_t> values) {
  return raw(key, 9, array_bytes(5, values.size()) + bytes_of(values));
}

GgufBuilder& GgufBuilder::tensor_entry(std::string_view name, std::vector<std::uint64_t> shape,
                                       std::uint32_t type, std::uint64_t offset) {
  put_string(table_, name);
  put(table_, static_cast<std::uint32_t>(shape.size()));
  for (const std::uint64_t size : shape) put(table_, size);
  put(table_, type);
  put(table_, offset);
  ++tensor_count_;
  return *this;
}

GgufBuilder& GgufBuilder::tensor(std::string_view name, std::vector<std::uint64_t> shape,
                                 std::uint32_t type, std::string data) {
  pad(data_, alignment);
  tensor_entry(name, std::move(shape), type, data_.size());
  data_ += data;
  return *this;
}

std::string GgufBuilder::header() const {
  std::string out = "GGUF";
  put(out, version);
  put(out, tensor_count_);
  put(out, metadata_count_ + (alignment != 32 ? 1 : 0));
  out += metadata_;
  if (alignment != 32) {
    put_string(out, "general.alignment");
    put<std::uint32_t>(out, 4);
    put(out, static_cast<std::uint32_t>(alignment));
  }
  out += table_;
  pad(out, alignment);
  return out;
}

std::size_t GgufBuilder::header_size() const { return header().size(); }

std::vector<std::byte> GgufBuilder::build() const {
  const std::string file = header() + data_;
  const auto bytes = std::as_bytes(std::span(file));
  return {bytes.begin(), bytes.end()};
}

namespace {

/// first + n * stride + m is digit n of byte m; the byte is ceil(value * 256 / 243).
void put_digits(std::string& out, std::span<const std::int8_t> trits, std::size_t stride,
                int digits) {
  for (std::size_t m = 0; m < stride; ++m) {
    int value = 0;
    for (int n = 0; n < 5; ++n) {
      value = value * 3 + (n < digits ? trits[n * stride + m] + 1 : 0);
    }
    out += static_cast<char>((value * 256 + 242) / 243);
  }
}

}  // namespace

std::string pack_tq1(std::span<const std::int8_t> trits, std::uint16_t half_scale) {
  std::string out;
  for (std::size_t block = 0; block < trits.size(); block += 256) {
    put_digits(out, trits.subspan(block), 32, 5);
    put_digits(out, trits.subspan(block + 160), 16, 5);
    put_digits(out, trits.subspan(block + 240), 4, 4);
    put(out, half_scale);
  }
  return out;
}

std::string pack_ternary(std::uint32_t type, std::span<const std::int8_t> trits,
                         std::uint16_t half_scale, std::size_t block) {
  std::string out;
  for (std::size_t first = 0; first < trits.size(); first += block) {
    if (type == 143) {
      put_digits(out, trits.subspan(first), 16, 5);
      put_digits(out, trits.subspan(first + 80), 8, 5);
      put_digits(out, trits.subspan(first + 120), 2, 4);
      put(out, half_scale);
      continue;
    }
    put(out, half_scale);
    const std::size_t per_byte = type == 41 ? 8 : 4;
    for (std::size_t byte = 0; byte < block / per_byte; ++byte) {
      int value = 0;
      for (std::size_t i = 0; i < per_byte; ++i) {
        const int trit = trits[first + byte * per_byte + i];
        value += type == 41 ? (trit > 0) << i : (trit + 1) << (2 * i);
      }
      out += static_cast<char>(value);
    }
  }
  return out;
}

std::string pack_i2s(std::span<const std::int8_t> trits, float scale, std::size_t stride) {
  std::string out;
  for (std::size_t first = 0; first < trits.size(); first += 4 * stride) {
    for (std::size_t p = 0; p < stride; ++p) {
      int value = 0;
      for (std::size_t n = 0; n < 4; ++n) value = value * 4 + trits[first + n * stride + p] + 1;
      out += static_cast<char>(value);
    }
  }
  put(out, scale);
  return out + std::string(28, '\0');
}

std::string pack_tq2(std::span<const std::int8_t> trits, std::uint16_t half_scale) {
  std::string out;
  for (std::size_t block = 0; block < trits.size(); block += 256) {
    for (std::size_t h = 0; h < 2; ++h) {
      for (std::size_t m = 0; m < 32; ++m) {
        int byte = 0;
        for (int n = 0; n < 4; ++n) byte |= (trits[block + 128 * h + 32 * n + m] + 1) << (2 * n);
        out += static_cast<char>(byte);
      }
    }
    put(out, half_scale);
  }
  return out;
}

io::Vocabulary tiny_vocabulary() {
  using io::TokenType;
  io::Vocabulary v;
  const auto add = [&](std::string piece, float score, TokenType type) {
    v.pieces.push_back(std::move(piece));
    v.scores.push_back(score);
    v.types.push_back(type);
  };
  add("<unk>", 0, TokenType::kUnknown);
  add("<s>", 0, TokenType::kControl);
  add("</s>", 0, TokenType::kControl);
  for (int i = 0; i < 256; ++i) add(fmt::format("<0x{:02X}>", i), 0, TokenType::kByte);
  float score = 0;
  for (const char* piece : {"\u2581t", "he", "\u2581the", "in", "on", "\u2581", "e", "t", "a", "o",
                            "h", "n", "i", "s"}) {
    add(piece, score--, TokenType::kNormal);
  }
  v.bos = 1;
  v.eos = 2;
  return v;
}

GgufBuilder tiny_model(std::uint32_t seed, int layers, int more_tokens) {
  constexpr std::uint64_t kHidden = 256, kKeys = 128, kFfn = 256;
  std::mt19937 random(seed);
  io::Vocabulary v = tiny_vocabulary();
  for (int i = 0; i < more_tokens; ++i) {
    v.pieces.push_back(fmt::format("x{}", i));
    v.scores.push_back(-100.0f - static_cast<float>(i));
    v.types.push_back(io::TokenType::kNormal);
  }
  GgufBuilder b;
  const std::string arch = "bitnet-b1.58";
  b.string("general.architecture", arch).string("general.name", "tiny");
  b.u32(arch + ".embedding_length", kHidden).u32(arch + ".block_count", layers);
  b.u32(arch + ".attention.head_count", 4).u32(arch + ".attention.head_count_kv", 2);
  b.u32(arch + ".feed_forward_length", kFfn).u32(arch + ".context_length", 24);
  b.f32(arch + ".rope.freq_base", 10000.0f).f32(arch + ".attention.layer_norm_rms_epsilon", 1e-5f);
  b.string("tokenizer.ggml.model", "llama").strings("tokenizer.ggml.tokens", v.pieces);
  b.floats("tokenizer.ggml.scores", v.scores);
  std::vector<std::int32_t> types;
  for (const io::TokenType type : v.types) types.push_back(static_cast<std::int32_t>(type));
  b.ints("tokenizer.ggml.token_type", types);
  b.u32("tokenizer.ggml.bos_token_id", 1).u32("tokenizer.ggml.eos_token_id", 2);
  b.boolean("tokenizer.ggml.add_space_prefix", 1);

  const auto norm = [&](const std::string& name, std::uint64_t size) {
    std::vector<float> values(size);
    for (float& value : values) value = std::uniform_real_distribution<float>(0.5f, 1.5f)(random);
    b.tensor(name, {size}, 0, bytes_of<float>(values));
  };
  bool tq1 = true;
  const auto linear = [&](const std::string& name, std::uint64_t cols, std::uint64_t rows) {
    std::vector<std::int8_t> trits(cols * rows);
    for (std::int8_t& trit : trits) trit = static_cast<std::int8_t>(random() % 3) - 1;
    const std::uint16_t scale = 0x2c00;  // 1/16
    b.tensor(name, {cols, rows}, tq1 ? 34 : 35,
             tq1 ? pack_tq1(trits, scale) : pack_tq2(trits, scale));
    tq1 = !tq1;
  };
  std::vector<std::uint16_t> embedding(kHidden * v.pieces.size());
  for (std::uint16_t& half : embedding) {
    half = static_cast<std::uint16_t>(0x3000 + random() % 0x0c00 + (random() % 2) * 0x8000);
  }
  b.tensor("token_embd.weight", {kHidden, v.pieces.size()}, 1, bytes_of<std::uint16_t>(embedding));
  norm("output_norm.weight", kHidden);
  for (int i = 0; i < layers; ++i) {
    const std::string prefix = fmt::format("blk.{}.", i);
    norm(prefix + "attn_norm.weight", kHidden);
    linear(prefix + "attn_q.weight", kHidden, kHidden);
    linear(prefix + "attn_k.weight", kHidden, kKeys);
    linear(prefix + "attn_v.weight", kHidden, kKeys);
    norm(prefix + "attn_sub_norm.weight", kHidden);
    linear(prefix + "attn_output.weight", kHidden, kHidden);
    norm(prefix + "ffn_norm.weight", kHidden);
    linear(prefix + "ffn_gate.weight", kHidden, kFfn);
    linear(prefix + "ffn_up.weight", kHidden, kFfn);
    norm(prefix + "ffn_sub_norm.weight", kFfn);
    linear(prefix + "ffn_down.weight", kFfn, kHidden);
  }
  return b;
}

}  // namespace tern::test
