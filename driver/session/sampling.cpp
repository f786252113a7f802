// SPDX-License-Identifier: Apache-2.0
#include "tern/sampling.hpp"

#include <algorithm>
#include <cmath>

#include "io/error.hpp"
#include "spec/numerics/scale.hpp"

namespace tern {

GenerateSettings generate_settings(const Sampling& sampling) {
  const auto [temperature, top_p, top_k] = sampling;
  // Written so that nan is in no range.
  if (!(temperature >= 0 && temperature <= Sampling::kMaxTemperature))
    throw Error("temperature {} is not a number from 0 to {}", temperature,
                Sampling::kMaxTemperature);
  if (!(top_p >= 0 && top_p <= 1)) throw Error("top-p {} is not a number from 0 to 1", top_p);
  if (top_k < 1 || top_k > spec::kTopK)
    throw Error("top-k {} is not a whole number from 1 to {}", top_k, spec::kTopK);
  GenerateSettings s;
  if (temperature > 0) {
    const double inverse = std::min(std::ldexp(1.0 / temperature, 32), std::ldexp(1.0, 63));
    s.inverse_temperature = spec::make_scale(static_cast<uint64_t>(std::round(inverse)), -32);
  }
  s.top_k = top_k;
  s.top_p_q16 = static_cast<uint32_t>(std::lround(top_p * 65536));
  return s;
}

}  // namespace tern
