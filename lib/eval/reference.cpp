#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/digest.h"
#include "eval/owned_sequence.h"
#include "eval/row_score.h"
#include "eval/same_vocabulary.h"
#include "eval/text.h"

namespace nalar {
namespace {

using namespace eval;

// One token under both models.
struct Compared {
  double kl = 0, logprob = 0, reference = 0;
  bool same_top = false;
};

// The reference's rows are kept until the other model's come: a few of them at a time.
class Comparer {
 public:
  Comparer(const Subject& subject, const Subject& reference)
      : subject_(subject),
        reference_(reference),
        ours_(*subject.engine),
        theirs_(*reference.engine),
        vocab_(static_cast<size_t>(std::min(subject.engine->config().vocab_size,
                                            reference.engine->config().vocab_size))) {}

  std::vector<Compared> run(const Window& window) {
    const OwnedSequence ours(*subject_.engine, subject_.engine->create(subject_.sequence));
    const OwnedSequence theirs(*reference_.engine, reference_.engine->create(reference_.sequence));
    std::vector<Compared> out(window.targets.size());
    const std::span<const TokenId> input = window.input;
    size_t at = 0;
    for (size_t done = 0; done < out.size();) {
      const size_t n = std::min(kRows, out.size() - done);
      const size_t end = window.first_scored + done + n;
      std::vector<int32_t> rows(n);
      std::iota(rows.begin(), rows.end(), static_cast<int32_t>(window.first_scored + done - at));
      const auto tokens = input.subspan(at, end - at);
      kept_.resize(n * vocab_);
      scores_.resize(n);
      const Slice reference{theirs.id(), tokens, rows}, mine{ours.id(), tokens, rows};
      theirs_.forward({&reference, 1}, [&](int64_t j, auto logits) {
        const auto row = static_cast<size_t>(j);
        const auto own = logits.first(vocab_);
        std::copy(own.begin(), own.end(), kept_.begin() + static_cast<ptrdiff_t>(row * vocab_));
        scores_[row] = score_row(own);
      });
      ours_.forward({&mine, 1}, [&](int64_t j, auto logits) {
        const auto row = static_cast<size_t>(j);
        out[done + row] = compare(row, logits.first(vocab_), window.targets[done + row]);
      });
      at = end;
      done += n;
    }
    return out;
  }

 private:
  static constexpr size_t kRows = 64;

  Compared compare(size_t row, std::span<const float> logits, TokenId target) const {
    const std::span<const float> p(kept_.data() + row * vocab_, vocab_);
    const RowScore q_score = score_row(logits);
    return {kl_divergence(p, scores_[row], logits, q_score), logprob(q_score, logits, target),
            logprob(scores_[row], p, target), scores_[row].top == q_score.top};
  }

  const Subject& subject_;
  const Subject& reference_;
  LogitStream ours_, theirs_;
  size_t vocab_;
  std::vector<float> kept_;  // [kRows, V]
  std::vector<RowScore> scores_;
};

double correlation(std::span<const Compared> all) {
  double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
  for (const Compared& c : all) {
    ++n;
    a += c.logprob;
    b += c.reference;
  }
  const double mean_a = a / n, mean_b = b / n;
  for (const Compared& c : all) {
    const double x = c.logprob - mean_a, y = c.reference - mean_b;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  return ab / std::sqrt(aa * bb);
}

// Values of each token by one of its functions.
template <typename F>
std::vector<double> each(std::span<const Compared> all, const F& of) {
  std::vector<double> out;
  out.reserve(all.size());
  for (const Compared& c : all) out.push_back(of(c));
  return out;
}

void summarize(std::span<const Compared> all, ReferenceResult& result) {
  const auto dp_of = [](const Compared& c) { return std::exp(c.logprob) - std::exp(c.reference); };
  std::vector<double> kl = each(all, [](const Compared& c) { return c.kl; });
  std::vector<double> dp = each(all, dp_of);
  result.kl = mean_of(kl);
  result.dp = mean_of(dp);
  result.same_top = mean_of(each(all, [](const Compared& c) { return c.same_top ? 1.0 : 0.0; }));
  const Estimate squares = mean_of(each(all, [&](const Compared& c) {
    const double d = dp_of(c);
    return d * d;
  }));
  const double rms = std::sqrt(squares.value);
  result.dp_rms = {rms, rms > 0 ? squares.error / (2 * rms) : 0};
  result.log_ratio = mean_of(each(all, [](const Compared& c) { return c.reference - c.logprob; }));
  result.ratio = exp_of(result.log_ratio);
  result.correlation = correlation(all);
  std::sort(kl.begin(), kl.end());
  std::sort(dp.begin(), dp.end());
  result.kl_max = kl.back();
  for (const double q : {0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999}) {
    result.quantiles.push_back({q, quantile(kl, q), quantile(dp, q)});
  }
}

}  // namespace

ReferenceResult evaluate_against_reference(const Subject& subject, const Subject& reference,
                                           std::string_view text, const TextOptions& options,
                                           const EvalControl& control) {
  require_same_vocabulary(*subject.tokenizer, *reference.tokenizer,
                          "--convention rolling on each alone: bits a byte of any two compare");
  // Both must hold a window.
  const Subject& shorter =
      subject.engine->n_ctx() <= reference.engine->n_ctx() ? subject : reference;
  const WindowedText windowed(text, options, {shorter.engine, subject.tokenizer, {}});
  const int64_t n = windowed.windows.size();
  TextSums ours, theirs;
  Comparer comparer(subject, reference);
  std::vector<Compared> all;
  for (int64_t i = 0; i < n; ++i) {
    report_progress(control, {"text", i, n});
    const Window window = windowed.windows.at(i);
    const std::vector<Compared> compared = comparer.run(window);
    ours.add(each(compared, [](const Compared& c) { return c.logprob; }), window,
             *subject.tokenizer);
    theirs.add(each(compared, [](const Compared& c) { return c.reference; }), window,
               *subject.tokenizer);
    all.insert(all.end(), compared.begin(), compared.end());
  }
  report_progress(control, {"text", n, n});
  ReferenceResult result;
  result.text = ours.result(text, windowed);
  result.reference = theirs.result(text, windowed);
  summarize(all, result);
  return result;
}

}  // namespace nalar
