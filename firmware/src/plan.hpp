#pragma once

#include "model.hpp"

namespace tern::firmware {

/// Places everything for the largest group of tokens that fits, M at most.
Status make_plan(Model& model);

}  // namespace tern::firmware
