// SPDX-License-Identifier: Apache-2.0
#include "tern/session.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>

#include "io/error.hpp"
#include "tern/backends.hpp"
#include "tern/chat.hpp"

namespace tern {
namespace {

std::unique_ptr<Session> open_demo(const std::string& backend = "golden:", uint32_t context = 0) {
  register_backends();
  SessionOptions options;
  options.backend = backend;
  options.model.file = TERN_DEMO_MODEL;
  options.model.convert.context = context;
  return Session::open(options);
}

TextSettings settings_of(uint32_t tokens, uint64_t seed = 1, double temperature = 0.7) {
  TextSettings settings;
  settings.tokens = tokens;
  settings.random_state = seed;
  settings.sampling.temperature = temperature;
  return settings;
}

template <typename Action>
void expect_error(Action action, std::initializer_list<const char*> parts) {
  try {
    action();
    FAIL() << "no error";
  } catch (const Error& e) {
    for (const char* part : parts)
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

TEST(Session, StreamsWhatItReturns) {
  const auto session = open_demo();
  std::string text;
  std::vector<int32_t> tokens;
  TextSettings settings = settings_of(24);
  settings.echo = true;
  const GeneratedText made = session->generate("Once upon a time", settings, [&](const Piece& p) {
    text += p.text;
    if (p.token) tokens.push_back(*p.token);
  });
  EXPECT_EQ(text, made.text);
  EXPECT_EQ(tokens, made.tokens);
  EXPECT_EQ(tokens.size(), 24u);
  EXPECT_TRUE(text.starts_with("Once upon a time")) << text;
  EXPECT_GT(text.size(), 40u);
}

TEST(Session, WithoutEchoTheTextBeginsBehindThePrompt) {
  TextSettings settings = settings_of(12);
  const std::string alone = open_demo()->generate("Once upon a time", settings).text;
  settings.echo = true;
  EXPECT_EQ(open_demo()->generate("Once upon a time", settings).text, "Once upon a time" + alone);
}

TEST(Session, GoesOnWhereItEnded) {
  const auto whole = open_demo();
  const GeneratedText all = whole->generate("The cat", settings_of(16));
  const auto session = open_demo();
  const GeneratedText first = session->generate("The cat", settings_of(6));
  EXPECT_EQ(session->position(), session->encode("The cat").size() + 1 + 6);
  const GeneratedText rest =
      session->generate(std::span<const int32_t>(), settings_of(10, first.random_state));
  std::vector<int32_t> both = first.tokens;
  both.insert(both.end(), rest.tokens.begin(), rest.tokens.end());
  EXPECT_EQ(both, all.tokens);
  EXPECT_EQ(first.text + rest.text, all.text);
  EXPECT_EQ(rest.random_state, all.random_state);
}

TEST(Session, TheSeedDecidesTheText) {
  const auto session = open_demo();
  const auto text_of = [&](uint64_t seed, double temperature) {
    session->reset();
    return session->generate("Once", settings_of(20, seed, temperature)).text;
  };
  EXPECT_EQ(text_of(3, 1.0), text_of(3, 1.0));
  EXPECT_NE(text_of(3, 1.0), text_of(4, 1.0));
  EXPECT_EQ(text_of(3, 0), text_of(4, 0)) << "the likeliest token is drawn without chance";
}

TEST(Session, GoldenAndReferenceTakeTheSameCalls) {
  const auto reference = open_demo("reference:");
  EXPECT_EQ(reference->model_name(), open_demo()->model_name());
  EXPECT_EQ(reference->generate("Once", settings_of(6, 1, 0)).tokens,
            open_demo()->generate("Once", settings_of(6, 1, 0)).tokens);
}

TEST(Session, ADeviceOfTimeAloneHasTokensAndNoText) {
  const auto session = open_demo("tlm:nano");
  const GeneratedText made = session->generate("Once", settings_of(2));
  EXPECT_EQ(made.tokens.size(), 2u);
  EXPECT_EQ(made.text, "");
}

/// Keys and values that are all zero.
KvSource zeros(const Session& session, uint32_t positions) {
  const std::size_t codes = std::size_t{positions} * session.model().image->model().head_dim;
  return [codes, positions](uint32_t, uint32_t) {
    constexpr uint8_t kZero = 121;
    return KvHead{std::vector<uint8_t>(codes, kZero), std::vector<uint8_t>(codes, kZero),
                  std::vector<int32_t>(positions), std::vector<int32_t>(positions)};
  };
}

TEST(Session, SeeksToAPositionAndGoesOnThere) {
  const auto session = open_demo();
  session->generate("Once", settings_of(4));
  session->seek(100, zeros(*session, 100));
  EXPECT_EQ(session->position(), 100u);
  const std::vector<int32_t> prompt = session->encode("Once");
  const GeneratedText made = session->generate(prompt, settings_of(4));
  EXPECT_EQ(made.tokens.size(), 4u);
  EXPECT_EQ(session->position(), 100 + prompt.size() + 4);
  // What came as keys and values is no sequence that another can begin with.
  EXPECT_EQ(session->keep(std::vector<int32_t>(200, 5)), 0u);
  EXPECT_EQ(session->position(), 0u);
}

TEST(Session, SeekBehindTheContextLeavesItEmpty) {
  const auto session = open_demo();
  session->generate("Once", settings_of(4));
  expect_error([&] { session->seek(513, zeros(*session, 513)); }, {"513", "512"});
  EXPECT_EQ(session->position(), 0u);
}

TEST(Session, KeepsWhatASequenceBeginsWith) {
  const auto session = open_demo();
  std::vector<int32_t> sequence = session->encode("Once upon a time");
  const GeneratedText made = session->generate(sequence, settings_of(5));
  sequence.insert(sequence.end(), made.tokens.begin(), made.tokens.end());
  EXPECT_EQ(session->keep(sequence), sequence.size() - 1) << "the last token was not run";
  EXPECT_EQ(session->position(), sequence.size() - 1);
  sequence[2] += 1;
  EXPECT_EQ(session->keep(sequence), 0u);
  EXPECT_EQ(session->position(), 0u);
}

TEST(Session, WhatASinkThrowsLeavesItEmptyAndUsable) {
  const auto session = open_demo();
  const auto throws = [](const Piece& piece) {
    if (piece.token) throw std::runtime_error("enough");
  };
  EXPECT_THROW(session->generate("Once", settings_of(8), throws), std::runtime_error);
  EXPECT_EQ(session->position(), 0u);
  EXPECT_EQ(session->generate("Once", settings_of(8)).text,
            open_demo()->generate("Once", settings_of(8)).text);
}

TEST(SessionErrors, NameTheSettingThatIsOutOfItsRange) {
  const auto session = open_demo();
  const auto refused = [&](const Sampling& sampling, const char* name, const char* value) {
    TextSettings settings = settings_of(4);
    settings.sampling = sampling;
    expect_error([&] { session->generate("Once", settings); }, {name, value, "from"});
    EXPECT_EQ(session->position(), 0u);
  };
  refused({.temperature = -0.5}, "temperature", "-0.5");
  refused({.temperature = 100.5}, "temperature", "100.5");
  refused({.temperature = std::numeric_limits<double>::quiet_NaN()}, "temperature", "nan");
  refused({.top_p = 1.5}, "top-p", "1.5");
  refused({.top_k = 0}, "top-k", "0");
  refused({.top_k = spec::kTopK + 1}, "top-k", "65");
  TextSettings stops = settings_of(4);
  for (uint32_t i = 0; i <= spec::kStopTokens; ++i)
    stops.stop_tokens.push_back(static_cast<int32_t>(i));
  expect_error([&] { session->generate("Once", stops); }, {"stop tokens"});
}

TEST(SessionErrors, TheContextIsNotExceeded) {
  const auto session = open_demo("golden:", 32);
  EXPECT_EQ(session->context(), 32);
  expect_error([&] { session->generate(std::vector<int32_t>(33, 5), settings_of(1)); },
               {"33 tokens", "context 32", "shorten the prompt"});
  TextSettings settings = settings_of(1000);
  settings.stop_at_end = false;
  const GeneratedText made = session->generate(std::vector<int32_t>(20, 5), settings);
  EXPECT_EQ(made.tokens.size(), 13u) << "one more than positions: the last is not run";
  expect_error([&] { session->room(0); }, {"position 33", "context 32", "begin a new sequence"});
}

TEST(SessionErrors, SayWhatCannotBeOpened) {
  expect_error([] { open_demo("fpga:0"); }, {"unknown backend", "golden"});
  SessionOptions options;
  options.model.file = "no-such-file.gguf";
  expect_error([&] { Session::open(options); }, {"no-such-file.gguf"});
  expect_error([] { open_demo("golden:", 4096); }, {"--context", "512"});
  options.model.file = TERN_DEMO_MODEL;
  options.backend = "tlm:nano";
  options.model.config = "edge";
  expect_error([&] { Session::open(options); }, {"tlm:nano", "nano", "edge"});
}

ChatOptions chat_options(uint32_t tokens) {
  ChatOptions options;
  options.format = "falcon3";  // ends answers with the model's own token
  options.settings = settings_of(tokens);
  return options;
}

TEST(Chat, ASecondTurnRunsOnlyWhatIsNew) {
  const auto session = open_demo();
  Chat chat(*session, chat_options(8));
  std::string streamed;
  const Answer first = chat.ask("Who are you?", [&](std::string_view piece) { streamed += piece; });
  EXPECT_EQ(streamed, first.text);
  EXPECT_EQ(first.reused, 0u);
  const Answer second = chat.ask("And then?");
  EXPECT_GT(second.prompt.size(), first.prompt.size());
  ASSERT_EQ(chat.messages().size(), 4u);
  EXPECT_EQ(chat.messages()[1].content, first.text);

  // The same conversation without what was kept.
  const auto fresh = open_demo();
  TextSettings settings = settings_of(8);
  settings.random_state = fresh->generate(first.prompt, settings).random_state;
  fresh->reset();
  EXPECT_EQ(fresh->generate(second.prompt, settings).tokens, second.tokens);
}

TEST(Chat, OtherWorkOfTheSessionDoesNoHarm) {
  const auto alone = open_demo();
  Chat undisturbed(*alone, chat_options(6));
  undisturbed.ask("Hello");
  const Answer expected = undisturbed.ask("Again");
  const auto session = open_demo();
  Chat chat(*session, chat_options(6));
  chat.ask("Hello");
  session->reset();
  session->generate("Once upon a time", settings_of(6));
  const Answer answer = chat.ask("Again");
  EXPECT_EQ(answer.tokens, expected.tokens);
  EXPECT_EQ(answer.reused, 0u);
}

TEST(Chat, ErrorsLeaveTheConversationAsItWas) {
  const auto session = open_demo("golden:", 64);
  expect_error([&] { Chat(*session, {}); }, {"no chat template", "--chat-format"});
  expect_error([&] { Chat(*session, {.format = "esperanto"}); }, {"esperanto", "falcon3"});
  const auto clock = open_demo("tlm:nano");
  expect_error([&] { Chat(*clock, chat_options(4)); }, {"tlm:nano", "no text"});
  ChatOptions options = chat_options(4);
  options.system = "Be brief.";
  Chat chat(*session, options);
  std::string much;
  for (int i = 0; i < 100; ++i) much += "cat ";
  expect_error([&] { chat.ask(much); }, {"the conversation has", "context 64", "begin a new one"});
  EXPECT_EQ(chat.messages().size(), 1u);
  EXPECT_EQ(chat.ask("cat").tokens.size(), 4u);
  chat.restart();
  EXPECT_EQ(chat.messages().size(), 1u);
}

}  // namespace
}  // namespace tern
