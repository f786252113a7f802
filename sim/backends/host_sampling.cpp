// SPDX-License-Identifier: Apache-2.0
#include "backends/host_sampling.hpp"

#include <algorithm>

#include "driver/src/stop_tokens.hpp"
#include "io/error.hpp"
#include "spec/numerics/sample.hpp"

namespace tern::sim {

Generated generate_on_host(Device& device, std::span<const int32_t> prompt,
                           const GenerateSettings& settings, const TokenSink& token,
                           std::span<const int> ends) {
  if (settings.top_k < 1 || settings.top_k > spec::kTopK)
    throw Error("top-k {} is not 1 to {}", settings.top_k, spec::kTopK);
  const std::vector<int32_t> stops = driver::stop_tokens(settings, ends);
  const spec::SampleSettings sampling{settings.inverse_temperature, settings.top_k,
                                      settings.top_p_q16};
  spec::Random random{settings.random_state};
  Logits logits = device.forward(prompt, settings.group);
  uint32_t sampled = 0;
  while (sampled < settings.max_new) {
    const int32_t next = spec::sample(logits.values.data(), static_cast<int>(logits.values.size()),
                                      logits.scale, sampling, random);
    ++sampled;
    if (token) token(next);
    if (sampled == settings.max_new || std::ranges::binary_search(stops, next)) break;
    logits = device.forward(std::span(&next, 1), settings.group);
  }
  return {sampled, random.state};
}

}  // namespace tern::sim
