// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "io/error.hpp"
#include "options.hpp"

namespace tern::cli {

/// What is said about a model; `obstacles` keep the chip from running it.
struct DoctorReport {
  nlohmann::json facts = nlohmann::json::object();
  std::vector<std::string> unusual, obstacles;

  /// An Error of `action` is an obstacle.
  template <typename Action>
  void attempt(const Action& action) {
    try {
      action();
    } catch (const Error& e) {
      obstacles.emplace_back(e.what());
    }
  }
};

/// Sizes of a model.
void describe_model_facts(const io::ModelConfig& config, DoctorReport& report);
/// The vocabulary, and whether the chat template in it can be used. `model_tokens`: how many it
/// must have, if that is to be checked.
void describe_tokenizer(const io::Tokenizer& tokenizer, std::optional<int64_t> model_tokens,
                        DoctorReport& report);
/// Whether a chip holds a model of these sizes, with trits for weights; for one that cannot be
/// opened.
void describe_fit(const io::ModelConfig& config, const spec::ChipConfig& chip,
                  const Options& options, DoctorReport& report);
/// What the weights are, what the chip makes of them, and with which context it can run that.
void describe_weights(const io::ModelFiles& files, const spec::ChipConfig& chip,
                      const Options& options, DoctorReport& report);
/// Norms and embedding whose elements lie so far apart that one exponent for all loses most bits of
/// the small ones.
void describe_range(const io::ModelFiles& files, const spec::ChipConfig& chip,
                    DoctorReport& report);
/// A .tern image, and which configurations can run it. An obstacle if that named in `options`
/// cannot; without a name, if none can.
void describe_image(const Options& options, DoctorReport& report);

}  // namespace tern::cli
