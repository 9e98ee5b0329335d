#pragma once

#include <nalar/finetune.h>

#include <cstdint>
#include <span>
#include <vector>

#include "train/trainable_model.h"

namespace nalar::train {

// What the optimizer remembers of each parameter, [elements]; empty for SGD.
struct Moments {
  std::vector<std::vector<float>> m, v;
};
// Zeros that fit these parameters.
Moments initial_moments(Optimizer optimizer, std::span<const Parameter> parameters);

// sqrt(Σ g²) over all gradients, summed in double in the order of the parameters.
double gradient_norm(std::span<const Parameter> parameters);
// Multiplies the gradients by min(1, most / (norm + 1e-6)), as torch's clip_grad_norm_; most 0 is
// off.
void clip_gradients(std::span<Parameter> parameters, double norm, double most);

struct StepOptions {
  double lr = 0;
  double weight_decay = 0;  // of matrices; vectors (norms, biases) do not decay
  int64_t step = 1;         // which update this is, from 1
};

// One update of every parameter from its gradient, in fp32, element by element: the same bits
// everywhere. AdamW is that of Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR
// 2019, with β 0.9 and 0.999, ε 1e-8 and corrected bias; in torch.optim.AdamW's order of
// operations. SGD has no momentum; its decay is decoupled as well.
void adamw_step(std::span<Parameter> parameters, Moments& moments, const StepOptions& options);
void sgd_step(std::span<Parameter> parameters, const StepOptions& options);

}  // namespace nalar::train
