#pragma once

#include "nn/pass.h"

namespace nalar::nn {

// mask [T, C] (wide) = 1 / (1 - p) or, with probability p, 0: a function of the pass's seed and
// update, the module, the row's document and place in it and the column. How rows are packed does
// not matter.
void draw_mask(const Pass& pass, uint64_t module, double p, const at::Tensor& mask);

}  // namespace nalar::nn
