#pragma once

#include <nalar/adapter.h>
#include <nalar/dataset.h>
#include <nalar/dtype.h>
#include <nalar/engine.h>
#include <nalar/export.h>
#include <nalar/model.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace nalar {

enum class Method { lora, full };
enum class Optimizer { adamw, sgd };
enum class Schedule { constant, linear, cosine };
enum class TrainDtype { automatic, fp32, bf16 };

struct FinetuneOptions {
  // Method
  Method method = Method::lora;
  int rank = 16;
  double alpha = 32;
  double dropout = 0;
  bool rslora = false;
  std::vector<std::string> targets = {"all-linear"};
  std::optional<std::string> adapter;  // a PEFT folder to start from; its form holds

  // Data (DatasetOptions has its forms)
  DatasetOptions data;
  std::optional<std::string> valid;   // a file
  std::optional<double> valid_split;  // share, the last rows; 0.05 above 200 rows
  bool shuffle = true;
  int64_t canaries = 0;        // random secrets put among the training rows
  int64_t canary_repeats = 1;  // rows of each

  // Recipe
  double epochs = 1;
  int64_t steps = 0;  // updates; 0: from the epochs
  double lr = 2e-4;
  Schedule schedule = Schedule::cosine;
  double warmup = 0.03;  // share of the updates
  Optimizer optimizer = Optimizer::adamw;
  double weight_decay = 0;
  double clip = 1;           // largest norm of the gradient; 0: off
  int64_t batch_tokens = 0;  // of a micro-batch; 0: 2048, or the longest row
  int64_t batch_rows = 0;    // of an update; 0: 8, or what batch_tokens or accumulate hold
  int64_t accumulate = 1;
  bool packing = true;
  uint64_t seed = 0;
  TrainDtype dtype = TrainDtype::automatic;

  // Saving
  std::string out;  // a folder that must not exist, or that `resume` goes on with
  bool resume = false;
  int64_t checkpoint_every = 0;    // updates; 0: by time
  double checkpoint_minutes = 10;  // and at each epoch's end
  int keep = 2;                    // checkpoints
  int64_t eval_every = 0;          // updates; 0: at each epoch's end
  int early_stop = 0;              // evaluations without a better one; 0: off
  double max_seconds = 0;          // then saved and ended with try_again; 0: no limit
  bool tensorboard = false;

  // Machine
  int threads = 0;
  Device device = Device::automatic;

  // Throws Error(usage) that names the option.
  NALAR_API void validate() const;
};

// A step of the work, for progress.
struct FinetuneEvent {
  // alive: nothing new, only whether to go on is asked: while data are read, and before each
  // micro-batch.
  enum class Kind { started, update, evaluated, saved, notice, ended, alive } kind = Kind::update;
  int64_t step = 0, steps = 0;
  double epoch = 0;
  double loss = 0;        // mean over the learned tokens of this update, nats
  double valid_loss = 0;  // evaluated
  double lr = 0;
  double gradient_norm = 0;              // before clipping
  int64_t tokens = 0, label_tokens = 0;  // so far
  double tokens_per_s = 0;               // of late
  double seconds = 0, seconds_left = 0;
  int64_t peak_bytes = 0;
  std::string text;  // notice; the path of what was saved; what is about to be trained
};
// Returns false to stop: what was done is saved and finetune() throws Error(try_again).
using FinetuneProgress = std::function<bool(const FinetuneEvent&)>;

struct FinetuneResult {
  int64_t steps = 0, tokens = 0, label_tokens = 0;
  double train_loss = 0;                   // of the last update
  std::optional<double> valid_loss;        // of the best
  std::optional<double> first_valid_loss;  // before training
  int64_t best_step = 0;
  double seconds = 0, tokens_per_s = 0;
  int64_t peak_bytes = 0;
};

// Trains and writes `options.out`: a PEFT folder (or, for Method::full, a model's folder),
// run.json, log.jsonl, README.md, report.html, checkpoints/. Errors: usage; bad_data (data; a loss
// that is not finite, with the lines of its rows); cannot_create; io; try_again after a stop;
// config (LibTorch is not there).
NALAR_API FinetuneResult finetune(std::shared_ptr<const Model> model,
                                  const FinetuneOptions& options,
                                  const FinetuneProgress& progress = {});

// What it would take, without training or loading weights.
struct FinetunePlan {
  int64_t parameters = 0;  // trained
  int64_t updates = 0;
  int64_t tokens = 0, label_tokens = 0;  // of an epoch
  int64_t weights_bytes = 0, parameter_bytes = 0, activation_bytes = 0, checkpoint_bytes = 0;
  bool recompute = false;
  double seconds = 0;  // about, without evaluations: by the speed of products, measured
};
NALAR_API FinetunePlan plan_finetune(std::shared_ptr<const Model> model,
                                     const FinetuneOptions& options);

}  // namespace nalar
