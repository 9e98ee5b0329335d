#pragma once

#include <nalar/finetune.h>
#include <nalar/model.h>

#include <cstdint>
#include <functional>
#include <optional>

#include "model/lora.h"
#include "train/finetune_run.h"
#include "train/trainable_model.h"
#include "train/training_data.h"
#include "train/update_plan.h"

namespace nalar::train {

// What is known before a model is opened: rows, the way they are trained on, and the start.
struct Preparation {
  TrainingData data;
  std::optional<model::LoraAdapter> adapter;  // none: all weights are trained
  int64_t parameters = 0;                     // trained

  // `clock` and `stopped`: see read_training_data(). Errors: its own, and those of make_adapter and
  // open_adapter.
  Preparation(const Model& base, const FinetuneOptions& options, int64_t clock,
              const std::function<bool()>& stopped);
};

// The clock that templates get: of the environment (SOURCE_DATE_EPOCH), or now.
int64_t clock_now();

// An adapter that is started from keeps its form: the options say so from then on.
void take_form(const model::LoraAdapter& adapter, const Model& base, FinetuneOptions& options);

// Bytes of a checkpoint's tensors: values, moments and the best values; and of all of it.
int64_t state_bytes(int64_t parameters, Optimizer optimizer);
int64_t checkpoint_bytes(int64_t parameters, Optimizer optimizer);

// The tokens of the largest batch, of training and of evaluation.
int64_t largest_batch(const UpdatePlan& plan, const Rows& valid, const data::PackOptions& pack);
// What products are made in: see choose_dtype().
TrainDtype dtype_for(const FinetuneOptions& options, const Preparation& prepared,
                     const TrainingBackend& backend);
TrainableOptions trainable_options(const FinetuneOptions& options, const Preparation& prepared,
                                   TrainDtype dtype, int64_t largest_batch);

}  // namespace nalar::train
