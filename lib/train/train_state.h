#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "report/training_record.h"
#include "train/optimizer.h"
#include "train/trainable_model.h"

namespace nalar::train {

struct Best {
  int64_t step = 0;
  double loss = 0;  // of validation
};

// All that a training needs to go on as if it had never stopped, besides the values of the
// parameters, which the model holds. What is random is a function of (seed, epoch, update), so that
// numbers of the position are enough.
struct TrainState {
  int64_t step = 0;                      // updates done
  int64_t epoch = 0;                     // the next update: its epoch
  int64_t update = 0;                    // and which it is there
  int64_t tokens = 0, label_tokens = 0;  // learned from so far
  double seconds = 0;                    // spent so far
  double train_loss = 0;                 // of the last update
  int64_t peak_bytes = 0;
  std::optional<double> joules;

  int64_t evaluated_at = -1;  // the step of the last evaluation
  std::optional<double> first_valid_loss;
  std::optional<Best> best;
  int64_t without_better = 0;  // evaluations in a row

  // Chosen when the run began, and not again.
  int64_t clock = 0;  // of chat templates, seconds since 1970
  std::string dtype;  // "fp32", "bf16"
  int64_t batch_tokens = 0;

  int64_t log_bytes = 0;  // of log.jsonl that belong to the steps done
  std::vector<report::CurvePoint> curve;
  std::vector<report::ValidPoint> valid;

  Moments moments;
  std::vector<std::vector<float>> best_values;  // one a parameter; none before the first evaluation
};

// Makes state.json and tensors.safetensors in the folder. Errors: cannot_create, io.
void write_state(io::FileSystem& files, const std::string& folder, const TrainState& state,
                 std::span<const Parameter> parameters);

// state.json alone: no tensors, no curves. Errors: bad_data "FILE: damaged state (key K): got X,
// need Y"; no_input.
TrainState read_progress(io::FileSystem& files, const std::string& folder);

// The tensors: into `state`, and into the values of the parameters once all of them were checked.
// `optimizer` says whether there are moments. Errors: bad_data that names the tensor; no_input.
void read_tensors(io::FileSystem& files, const std::string& folder, Optimizer optimizer,
                  TrainState& state, std::span<Parameter> parameters);

}  // namespace nalar::train
