// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer.hpp"
#include "tern/device.hpp"
#include "tern/model.hpp"
#include "tern/sampling.hpp"

namespace tern {

/// Which machine, and which model on it.
struct SessionOptions {
  std::string backend = "golden:";  ///< As Device::open() names it.
  ModelOptions model;
  DeviceSettings device;  ///< The model's file and how it is read come from `model`.
};

/// A device and a model for it. The device refers to the model.
struct Setup {
  LoadedModel model;
  std::unique_ptr<Device> device;
};

/// Opens the device of `options` and, for its configuration, the model, which the device has not
/// loaded yet. Throws Error as Device::open() and load_model(), and when `options` name another
/// configuration than the device has.
Setup prepare(const SessionOptions& options);

/// What text is wanted.
struct TextSettings {
  uint32_t tokens = 128;  ///< To draw at most; fewer where the context ends.
  Sampling sampling;
  uint64_t random_state = 1;  ///< Of the generator: a seed, or GeneratedText::random_state.
  uint32_t group = 0;         ///< Prompt tokens taken together; 0: as many as the device can.
  bool echo = false;          ///< The prompt's text comes first.
  bool stop_at_end = true;    ///< Stop after any of the model's end tokens.
  std::vector<int32_t> stop_tokens;  ///< Others to stop after; with the model's at most
                                     ///< spec::kStopTokens.
};

/// A piece of a text, as it comes.
struct Piece {
  std::optional<int32_t> token;  ///< The token that was drawn; nullopt: none was, this is text of
                                 ///< the prompt, or what was left at the end.
  std::string_view text;         ///< Whole UTF-8 characters, none or more; valid during the call.
};
/// Called with each token and each piece of text, on the thread that asked for them. What it throws
/// ends the generation.
using PieceSink = std::function<void(const Piece& piece)>;

struct GeneratedText {
  std::vector<int32_t> tokens;  ///< Drawn, that which stopped it included.
  std::string text;             ///< All pieces; empty on a device that computes no text.
  bool ended = false;           ///< By a token to stop after, not by their number.
  uint64_t random_state = 0;    ///< To go on with.
};

/// One sequence of tokens on a machine: a prompt goes in, a text comes out as it is generated, and
/// the next call goes on behind it. The text depends on the model, the tokens, the sampling and the
/// random state alone, not on the backend (golden, machine and rtl) nor on `group`.
///
/// A session owns its device and its model. It stays where it was made; it is to be used by one
/// thread at a time, and several sessions are independent of each other.
///
///     register_backends();
///     const auto session = Session::open({.backend = "golden:", .model = {.file = path}});
///     session->generate("Once upon a time", {.tokens = 64},
///                       [](const Piece& piece) { std::cout << piece.text; });
class Session {
 public:
  /// Opens a device and loads the model into it. A device that takes models as files
  /// (Device::takes_files()) gets them so, and runs models that no image can express. Throws Error
  /// as prepare() and Device::load().
  static std::unique_ptr<Session> open(const SessionOptions& options);

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Runs `prompt` at the next positions and draws tokens, which `sink` gets as they come. The last
  /// token that is drawn is not run; the next call runs it first. Throws Error before anything is
  /// run when a setting is out of its range or the prompt exceeds the context. Whatever is thrown
  /// later, by the device or by `sink`, leaves the sequence empty.
  GeneratedText generate(std::span<const int32_t> prompt, const TextSettings& settings,
                         const PieceSink& sink = {});
  /// The same for a text, as encode() has it.
  GeneratedText generate(std::string_view prompt, const TextSettings& settings,
                         const PieceSink& sink = {});

  /// The tokens of a text; at the beginning of a sequence with the token that the model expects
  /// there.
  std::vector<int32_t> encode(std::string_view text) const;

  /// Tokens that can be drawn behind a prompt of `prompt` tokens, at least 1. Throws Error when the
  /// prompt exceeds the context.
  uint32_t room(std::size_t prompt) const;

  /// Goes on to a whole sequence: keeps what was run if `sequence` is longer and begins with it,
  /// else forgets all. Returns how many of its tokens need not be run again. Throws Error when the
  /// device cannot forget.
  std::size_t keep(std::span<const int32_t> sequence);

  /// Forgets the sequence: the next token has position 0.
  void reset();

  /// Takes keys and values of `positions` tokens as given in place of running them; the next token
  /// has that position. Throws Error when the device cannot, and when the context is shorter; the
  /// sequence is then empty.
  void seek(uint32_t positions, const KvSource& source);

  /// The position of the next token that is given, counted in tokens.
  uint32_t position() const;
  /// Positions of the context.
  int64_t context() const { return context_; }

  const std::string& backend() const { return backend_; }
  const std::string& model_name() const { return name_; }
  const LoadedModel& model() const { return setup_.model; }
  const io::Tokenizer& tokenizer() const { return *tokenizer_; }
  /// For counters, reports and recordings; whoever runs tokens on it leaves the session without
  /// knowledge of its sequence, and resets it.
  Device& device() { return *setup_.device; }
  const Device& device() const { return *setup_.device; }

 private:
  explicit Session(const SessionOptions& options);
  void open_files(const SessionOptions& options);
  std::vector<int32_t> stops_of(const TextSettings& settings) const;
  /// Whatever state the device is in.
  void forget() noexcept;

  std::string backend_;
  Setup setup_;
  std::optional<io::Tokenizer> own_tokenizer_;  ///< Of a model that has no image.
  const io::Tokenizer* tokenizer_ = nullptr;
  std::string name_;
  int64_t context_ = 0;
  std::vector<int32_t> run_;        ///< Tokens whose keys and values the device holds,
  bool knows_ = true;               ///< unless they came as such.
  std::optional<int32_t> waiting_;  ///< Was drawn and not run.
};

}  // namespace tern
