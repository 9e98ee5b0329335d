#pragma once

#include <nalar/finetune.h>

#include <cstdint>

namespace nalar::train {

// Updates of the warmup: a share of all, rounded up.
int64_t warmup_updates(double share, int64_t updates);

// What the learning rate of update i (from 0) of n is multiplied by, as the
// get_*_schedule_with_warmup of Hugging Face's transformers: it rises from 0 over the warmup, then
// stays at 1 (constant), falls in a line to 0 (linear) or along half a cosine (cosine).
double lr_factor(Schedule schedule, int64_t i, int64_t n, int64_t warmup);

}  // namespace nalar::train
