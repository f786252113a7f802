// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/mailbox.hpp"
#include "issue/steps.hpp"
#include "issue/tracer.hpp"
#include "issue/units.hpp"
#include "load/model.hpp"
#include "spec/numerics/sample.hpp"

namespace tern::firmware {

/// The whole firmware: serves the host's requests one after another.
class Firmware {
 public:
  Firmware() : tracer_(units_), steps_(units_, model_, tracer_) {}

  /// Tells the host that the firmware is there.
  void start();
  /// Waits for a request and carries it out.
  void serve();

 private:
  Status load(uint32_t base);
  Status timed_out();
  Status seek(uint32_t position);
  Status read_memory();
  Status write_memory();
  uint32_t window() const;
  Status generate();
  Status check(const spec::GenerateRequest& request) const;
  Status run_prompt(const spec::GenerateRequest& request);
  void take_stops(uint32_t count);
  bool stops_at(uint32_t token, uint32_t count) const {
    return (stop_bits_ >> (token & 31) & 1) != 0 && is_stop(token, count);
  }
  bool is_stop(uint32_t token, uint32_t count) const;
  void keep_prompt();
  uint32_t next_token();
  Status run(const uint32_t* tokens, uint32_t count, Head head,
             const spec::GenerateRequest& request);
  uint32_t sample(const spec::GenerateRequest& request);
  void done(uint32_t sampled);

  Units units_;
  Model model_;
  Tracer tracer_;
  Steps steps_;
  spec::Random random_{};
  uint32_t stops_[spec::kStopTokens];  ///< Of the request.
  uint32_t stop_bits_ =
      0;  ///< Bit t of each of them, t its low five bits: most tokens stop nothing.
  uint32_t words_left_ = 0;  ///< Prompt tokens that are still in the mailbox, or to come.
  uint32_t kept_ = 0;        ///< Prompt tokens in the scratchpad.
  uint32_t kept_at_ = 0;     ///< Word of the next of them.
};

}  // namespace tern::firmware
