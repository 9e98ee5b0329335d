#pragma once

#include <nalar/adapter.h>
#include <nalar/chat.h>
#include <nalar/engine.h>
#include <nalar/export.h>
#include <nalar/json.h>
#include <nalar/tokenizer.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nalar {

// A model that is judged. Borrows the engine.
struct Subject {
  Engine* engine = nullptr;
  std::shared_ptr<const Tokenizer> tokenizer;
  SequenceOptions sequence;               // with or without adapters
  std::vector<AdapterUse> adapters = {};  // the engine's: their end tokens end an answer, too
};

// A figure and its standard error; NaN where there is none.
struct Estimate {
  double value = 0;
  double error = 0;
};

struct EvalEvent {
  std::string_view what;  // the text's or the task's name
  int64_t done = 0;       // windows or items
  int64_t total = 0;
};

// How the caller watches an evaluation and goes on with one that was stopped.
struct EvalControl {
  // False stops: Error(try_again), after `save`.
  std::function<bool(const EvalEvent&)> on_event;
  // Takes what is needed to go on: an object that makes sense to the same call alone (its "key" is
  // a hash of text or task, data and settings; the model is the caller's business). Called when
  // the evaluation is stopped, when `save_due` says so, and when it is done.
  std::function<void(const Json&)> save;
  // Asked now and then; true: what is done so far is to be saved now.
  std::function<bool()> save_due;
  // What `save` was given by an evaluation that was stopped; null: from the beginning. Errors:
  // bad_data when it belongs to another one.
  Json resume;
};

// ---- text

// Which tokens of a text are scored, and what stands before them. Figures of two conventions are
// not comparable.
enum class Convention {
  // llama-perplexity: chunks of `window` tokens that share nothing, the first token of each
  // replaced by BOS where the tokenizer adds one; the second half of each chunk is scored.
  llamacpp,
  // "Perplexity of fixed-length models" of transformers' documentation: a window moves by `stride`
  // tokens, those that are new in it are scored, but for the very first.
  hf,
  // lm-evaluation-harness: every token is scored once, the first after BOS (or EOS); windows share
  // one token of context, the last one as many as fit.
  rolling,
};
NALAR_API std::string_view name(Convention convention) noexcept;

struct TextOptions {
  Convention convention = Convention::llamacpp;
  int window = 0;  // tokens; 0: 512 for llamacpp, else the engine's context
  int stride = 0;  // tokens, hf alone; 0: 512, or the window where that is less

  // The options with 0 replaced for this engine. Throws Error(usage).
  NALAR_API TextOptions resolve(const Engine& engine) const;
};

struct TextResult {
  TextOptions options;                       // in force
  int64_t bytes = 0, words = 0, tokens = 0;  // of the text
  int64_t windows = 0, scored = 0;           // scored tokens
  Estimate nll;                              // nats a token
  Estimate perplexity;                       // exp(nll), a token
  Estimate bits_per_byte;
  // Rolling alone, where every byte is scored.
  std::optional<Estimate> word_perplexity, byte_perplexity;
  std::string sha256;  // of the text
};

// Errors: bad_data for a text that is too short or no UTF-8; usage; try_again.
NALAR_API TextResult evaluate_text(const Subject& subject, std::string_view text,
                                   const TextOptions& options, const EvalControl& control = {});

// What another model does to the distributions of a reference, token by token.
struct ReferenceResult {
  TextResult text, reference;  // of both models
  Estimate kl;                 // mean KL(reference ‖ model), nats a token
  struct Quantile {
    double q, kl, dp;  // Δp: probability of the right token, model − reference
  };
  std::vector<Quantile> quantiles;
  double kl_max = 0;
  Estimate same_top;  // share of tokens where both models' first choice agrees
  Estimate dp, dp_rms;
  Estimate log_ratio, ratio;  // of the perplexities, model ÷ reference; errors are paired
  double correlation = 0;     // of ln p of the right tokens
};

// Both models in one pass over the same ids. Errors: bad_data when the vocabularies differ, and
// those of evaluate_text; it starts anew when it was stopped.
NALAR_API ReferenceResult evaluate_against_reference(const Subject& subject,
                                                     const Subject& reference,
                                                     std::string_view text,
                                                     const TextOptions& options,
                                                     const EvalControl& control = {});

// ---- tasks

namespace eval {
struct TaskFile;
}

struct TaskOptions {
  std::string task;                         // path of the task's file
  std::optional<std::string> data;          // rows, in place of the file's "data"
  std::optional<std::string> fewshot_data;  // rows of the shots, in place of "fewshot_data"
  int64_t limit = 0;                        // first rows alone; 0 = all
  std::optional<int> shots;                 // in place of the file's num_fewshot
  int batch_tokens = 512;                   // that a forward call works on; changes no result
};

// A task and its rows, every prompt made: file and data were checked. Immutable.
class NALAR_API Task {
 public:
  // `chat`: prompts are conversations by this template. Errors: no_input; bad_data "FILE: field K:
  // …", "FILE: line L: field K: …".
  Task(const TaskOptions& options, std::shared_ptr<const ChatTemplate> chat = nullptr);
  ~Task();
  Task(Task&&) noexcept;

  const std::string& name() const;
  int64_t size() const;  // items
  int shots() const;
  // What makes figures comparable: version, output_type, shots, limit, hashes of task, data and
  // template.
  Json settings() const;
  // The task's file as it is.
  const Json& config() const;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<const Impl> impl_;
};

// What a model did with one item.
struct ItemResult {
  std::vector<double> log_likelihoods;  // of each request, nats
  std::vector<bool> greedy;             // whether each token of it is the model's first choice
  std::vector<std::string> answers;     // generated
  // Value of each of TaskResult::metrics on this item; empty where a metric is no mean of items.
  std::vector<std::optional<double>> values;
  Json sample;  // for a person: prompt, choices, target, the above, hashes
};

struct MetricResult {
  std::string name;    // "acc"
  std::string filter;  // "none", or that of the task's filter_list
  Estimate estimate;
  bool higher_is_better = true;
};

struct TaskResult {
  std::vector<MetricResult> metrics;
  std::vector<ItemResult> items;
  int64_t truncated = 0;  // requests cut from the left to fit the context
  int64_t tokens = 0;     // computed by the engine
};

// Errors: bad_data for a continuation over the context; try_again.
NALAR_API TaskResult evaluate_task(const Subject& subject, const Task& task,
                                   const EvalControl& control = {});

// Several tasks as one, as lm-evaluation-harness makes the figures of a group: the mean over the
// tasks, weighted by their items, and the pooled error. Of the metrics that all of them have and
// that are means of items.
NALAR_API std::vector<MetricResult> group_means(const std::vector<TaskResult>& results);

// ---- two models on the same items

enum class Verdict { better, worse, no_difference };
NALAR_API std::string_view name(Verdict verdict) noexcept;

struct PairedResult {
  std::string metric, filter;
  Estimate model, other;
  Estimate difference;                       // model − other, of the same items
  double p = 1;                              // two-sided, of no difference
  std::string test;                          // "exact McNemar", "paired t", "bootstrap"
  Verdict verdict = Verdict::no_difference;  // of model to other, at 95 %
};

// REQUIRES results of the same task.
NALAR_API std::vector<PairedResult> compare_results(const Task& task, const TaskResult& model,
                                                    const TaskResult& other);
// From the paired token losses of both models' texts.
NALAR_API PairedResult compare_texts(const ReferenceResult& result);

// SHA-256 that tells one model's weights from another's: of the weight file, or of the list of
// the hashes of several. Reads all of them.
NALAR_API std::string weights_hash(const ModelFiles& files);
// The same of an adapter's weights.
NALAR_API std::string weights_hash(const Adapter& adapter);

}  // namespace nalar
