#pragma once

#include <nalar/eval.h>

#include <array>

namespace nalar {

// How much of the rows it was tuned on a model gives away, held against the model it came from.

struct LeakOptions {
  std::vector<std::string> train;      // the files it was tuned on, in their order
  std::optional<std::string> heldout;  // rows of the same kind that it has not seen
  // The folder of the run, whose run.json tells how the rows were read and canaries.json which
  // secrets were among them. Where these are not there: as finetune reads by default, none.
  std::string run;
  int prefix = 50, continuation = 50;  // tokens, for extraction
  int64_t decoys = 1023;               // secrets that canaries are ranked among
  int64_t limit = 0;                   // first rows of each set alone; 0 = all
  int batch_tokens = 1024;             // that a forward call works on; changes no result

  // Throws Error(usage).
  NALAR_API void validate() const;
};

// The rows and canaries as the training read them, checked. Immutable.
class NALAR_API LeakData {
 public:
  // `n_ctx`: longer rows are cut to it and counted. Errors: no_input; bad_data "FILE: line L:
  // field K: …", "FILE: field K: …".
  LeakData(const LeakOptions& options, const ModelFiles& files,
           std::shared_ptr<const Tokenizer> tokenizer, int n_ctx);
  ~LeakData();
  LeakData(LeakData&&) noexcept;

  // What a person should know before it starts: rows that are in both sets, where held-out rows
  // come from, data that the run did not have.
  const std::vector<std::string>& notices() const;
  // What makes figures comparable: files and hashes, how rows were read and cut.
  Json settings() const;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<const Impl> impl_;
};

// One row under both models.
struct LeakRow {
  std::string place;  // "FILE: line 3"
  bool member = true;
  int64_t tokens = 0, learned = 0;
  struct By {
    double loss = 0;   // mean of the learned tokens, nats
    double min_k = 0;  // Min-K%++: mean of the lowest 20 % of (ln p − μ) / σ (arXiv 2404.02936)
    bool verbatim = false;      // greedy decoding gives the continuation
    double log_likelihood = 0;  // of the continuation, nats
  };
  By tuned, base;
  // Of the extraction; continuation 0: the row is too short.
  int prefix = 0, continuation = 0;
};

// Extraction: shares of the rows that are long enough (arXiv 2202.07646, 2410.19482).
struct Extraction {
  int64_t rows = 0;
  Estimate verbatim;
  // (n, p)-discoverable: n samples at temperature 1 of the whole vocabulary hold the continuation
  // with probability p or more.
  static constexpr std::array<int64_t, 4> kSamples = {1, 10, 100, 1000};
  static constexpr double kProbability = 0.5;
  std::array<Estimate, kSamples.size()> discoverable;
};

// How well a score tells training rows from held-out ones.
struct Membership {
  std::string score;
  Estimate auc;  // error by DeLong
  static constexpr std::array<double, 3> kRates = {0.1, 0.01, 0.001};
  // True positive rates at these false positive rates; nullopt: fewer than 1 / rate held-out rows.
  std::array<std::optional<double>, kRates.size()> tpr;
};

struct CanaryResult {
  int64_t number = 0;                      // of canaries.json, from 1
  double exposure = 0, base_exposure = 0;  // bits
};

// Texts that look like one kind of personal data.
struct PersonalData {
  std::string kind;
  int64_t in_data = 0;
  std::vector<std::string> places;  // rows that hold some, in order
  struct By {
    int64_t in_outputs = 0;  // found in greedy continuations
    int64_t given_away = 0;  // of them, those that stand in the training rows, not in the prefix
  };
  By tuned, base;
};

// One of the tests that make the verdict, each at 1 %.
struct LeakTest {
  std::string name;
  bool made = false;  // there was enough to test
  bool leaky = false;
  std::string finding;
};

struct LeakResult {
  int64_t members = 0, heldout = 0, too_short = 0, cut = 0, equal = 0;
  std::vector<LeakRow> rows;
  Extraction tuned, base;                   // of the training rows
  std::optional<Extraction> heldout_tuned;  // of the held-out rows
  // The first is what the verdict goes by, the last of the base alone. Empty without held-out rows.
  std::vector<Membership> membership;
  std::vector<CanaryResult> canaries;
  int64_t canary_repeats = 0, decoys = 0;
  double max_exposure = 0;  // what so many decoys can resolve, bits
  std::vector<PersonalData> personal;
  std::vector<LeakTest> tests;
  bool leaky = false;  // one of the tests says so
  int64_t tokens = 0;  // computed
};

// REQUIRES the same vocabulary of both, or throws Error(bad_data). Errors: bad_data for a loss that
// is not finite; try_again, and it starts anew then.
NALAR_API LeakResult evaluate_leak(const Subject& tuned, const Subject& base, const LeakData& data,
                                   const EvalControl& control = {});

}  // namespace nalar
