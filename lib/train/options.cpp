#include "train/options.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <cmath>

#include "data/canaries.h"
#include "model/lora.h"
#include "report/format.h"

namespace nalar {
namespace {

constexpr double kMostEpochs = 10'000;
constexpr int64_t kMostUpdates = 99'999'999;  // what a checkpoint's name holds

template <typename T>
void need(bool good, const char* option, const T& got, const char* range) {
  if (!good) throw Error(ErrorKind::usage, fmt::format("{}: got {}, need {}", option, got, range));
}

void check_recipe(const FinetuneOptions& o) {
  need(o.epochs > 0 && o.epochs <= kMostEpochs, "--epochs", o.epochs, "over 0, at most 10000");
  need(o.steps >= 0 && o.steps <= kMostUpdates, "--steps", o.steps, "0 to 99999999");
  need(o.lr > 0 && std::isfinite(o.lr), "--lr", o.lr, "a number over 0");
  need(o.warmup >= 0 && o.warmup <= 1, "--warmup", o.warmup, "0 to 1, a share of the updates");
  need(o.weight_decay >= 0 && std::isfinite(o.weight_decay), "--weight-decay", o.weight_decay,
       "0 or more");
  need(o.clip >= 0 && std::isfinite(o.clip), "--clip", o.clip, "0 (off) or more");
  need(o.batch_tokens >= 0, "--batch-tokens", o.batch_tokens, "0 (automatic) or more");
  need(o.batch_rows >= 0, "--batch-rows", o.batch_rows, "0 (automatic) or more");
  need(o.accumulate >= 1, "--accumulate", o.accumulate, "1 or more");
  if (o.batch_rows > 0 && o.accumulate > 1) {
    throw Error(ErrorKind::usage,
                "--accumulate and --batch-rows: --batch-rows is all rows of an update, cut into "
                "micro-batches of --batch-tokens",
                fmt::format("--batch-rows {} alone", o.batch_rows * o.accumulate));
  }
}

void check_canaries(const FinetuneOptions& o) {
  need(o.canaries >= 0 && o.canaries <= data::kMostCanaries, "--canaries", o.canaries,
       "0 to 10000");
  need(o.canary_repeats >= 1 && o.canary_repeats <= data::kMostRepeats, "--canary-repeats",
       o.canary_repeats, "1 to 1000000");
  need(o.canaries * o.canary_repeats <= data::kMostCanaryRows, "--canary-repeats", o.canary_repeats,
       "1000000 rows of all canaries at most");
}

void check_saving(const FinetuneOptions& o) {
  need(o.checkpoint_every >= 0, "--checkpoint-every", o.checkpoint_every, "0 (by time) or more");
  need(o.checkpoint_minutes > 0, "--checkpoint-every", o.checkpoint_minutes, "over 0 minutes");
  need(o.keep >= 1, "--keep", o.keep, "1 or more");
  need(o.eval_every >= 0, "--eval-every", o.eval_every, "0 (at epochs' ends) or more");
  need(o.early_stop >= 0, "--early-stop", o.early_stop, "0 (off) or more");
  need(o.max_seconds >= 0, "--max-time", o.max_seconds, "0 (no limit) or more");
  need(o.threads >= 0, "--threads", o.threads, "0 (automatic) or more");
}

}  // namespace

void FinetuneOptions::validate() const {
  data.validate();
  if (method == Method::lora && !adapter) {
    model::LoraConfig{rank, alpha, dropout, rslora, targets}.validate();
  }
  need(dropout >= 0 && dropout < 1, "--dropout", dropout, "0 or more, under 1");
  if (method == Method::full && adapter) {
    throw Error(ErrorKind::usage,
                "--adapter and --method full: an adapter is trained, or all weights");
  }
  if (method == Method::full && dropout > 0) {
    throw Error(ErrorKind::usage, "--dropout and --method full: dropout is of an adapter's input");
  }
  if (valid && valid_split) {
    throw Error(ErrorKind::usage, "--valid and --valid-split: only one of them");
  }
  if (valid_split) {
    need(*valid_split >= 0 && *valid_split < 1, "--valid-split", *valid_split,
         "0 or more, under 1");
  }
  check_canaries(*this);
  check_recipe(*this);
  check_saving(*this);
}

namespace train {

std::string_view name(Method method) noexcept { return method == Method::lora ? "lora" : "full"; }

std::string_view name(Optimizer optimizer) noexcept {
  return optimizer == Optimizer::adamw ? "adamw" : "sgd";
}

std::string_view name(Schedule schedule) noexcept {
  switch (schedule) {
    case Schedule::constant:
      return "constant";
    case Schedule::linear:
      return "linear";
    case Schedule::cosine:
      return "cosine";
  }
  return "?";
}

std::string_view name(TrainDtype dtype) noexcept {
  switch (dtype) {
    case TrainDtype::automatic:
      return "auto";
    case TrainDtype::fp32:
      return "fp32";
    case TrainDtype::bf16:
      return "bf16";
  }
  return "?";
}

std::string_view name(Learn learn) noexcept {
  switch (learn) {
    case Learn::assistant:
      return "assistant";
    case Learn::last:
      return "last";
    case Learn::all:
      return "all";
  }
  return "?";
}

std::string_view name(OnLong on_long) noexcept {
  switch (on_long) {
    case OnLong::truncate:
      return "truncate";
    case OnLong::drop:
      return "drop";
    case OnLong::error:
      return "error";
  }
  return "?";
}

Json recipe_json(const FinetuneOptions& o) {
  Json json;
  json.set("method", name(o.method));
  if (o.method == Method::lora) {
    json.set("rank", o.rank);
    json.set("alpha", o.alpha);
    json.set("dropout", o.dropout);
    json.set("rslora", o.rslora);
    json.set("targets", Json::Array(o.targets.begin(), o.targets.end()));
  }
  json.set("columns", o.data.columns);
  json.set("learn", name(o.data.learn));
  json.set("max-length", o.data.max_length);
  json.set("on-long", name(o.data.on_long));
  json.set("skip-bad", o.data.skip_bad);
  json.set("valid-split", o.valid_split ? Json(*o.valid_split) : Json());
  json.set("shuffle", o.shuffle);
  json.set("canaries", o.canaries);
  json.set("canary-repeats", o.canary_repeats);
  json.set("epochs", o.epochs);
  json.set("steps", o.steps);
  json.set("lr", o.lr);
  json.set("schedule", name(o.schedule));
  json.set("warmup", o.warmup);
  json.set("optimizer", name(o.optimizer));
  json.set("weight-decay", o.weight_decay);
  json.set("clip", o.clip);
  json.set("batch-tokens", o.batch_tokens);
  json.set("batch-rows", o.batch_rows);
  json.set("accumulate", o.accumulate);
  json.set("packing", o.packing);
  json.set("seed", o.seed);
  json.set("dtype", name(o.dtype));
  json.set("eval-every", o.eval_every);
  json.set("early-stop", o.early_stop);
  return json;
}

Json settings_json(const FinetuneOptions& o) {
  Json json = recipe_json(o);
  Json::Array data;
  for (const std::string& path : o.data.paths) data.emplace_back(report::file_name(path));
  json.set("data", std::move(data));
  json.set("valid", o.valid ? Json(report::file_name(*o.valid)) : Json());
  json.set("adapter", o.adapter ? Json(report::file_name(*o.adapter)) : Json());
  json.set("checkpoint-every", o.checkpoint_every);
  json.set("checkpoint-minutes", o.checkpoint_minutes);
  json.set("keep", o.keep);
  json.set("max-time", o.max_seconds);
  json.set("tensorboard", o.tensorboard);
  return json;
}

}  // namespace train
}  // namespace nalar
