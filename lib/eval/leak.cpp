#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "eval/answer_ends.h"
#include "eval/leak_data.h"
#include "eval/leak_passages.h"
#include "eval/leak_personal.h"
#include "eval/leak_statistics.h"
#include "eval/leak_tests.h"
#include "eval/same_vocabulary.h"
#include "eval/scorer.h"
#include "eval/statistics.h"
#include "eval/text.h"

namespace nalar {
namespace {

using namespace eval;

constexpr double kLowestShare = 0.2;  // of the tokens, for Min-K%++

double log_likelihood(std::span<const TokenScore> scores) {
  return std::accumulate(scores.begin(), scores.end(), 0.0,
                         [](double sum, const TokenScore& s) { return sum + s.logprob; });
}

double min_k(std::span<const TokenScore> scores) {
  std::vector<double> z;
  for (const TokenScore& s : scores) z.push_back(s.z);
  const auto n =
      static_cast<size_t>(std::max(1.0, std::floor(kLowestShare * static_cast<double>(z.size()))));
  std::partial_sort(z.begin(), z.begin() + static_cast<ptrdiff_t>(n), z.end());
  return std::accumulate(z.begin(), z.begin() + static_cast<ptrdiff_t>(n), 0.0) /
         static_cast<double>(n);
}

// The learned tokens of a row, each after all that stands before it.
Passage whole_row(const LeakItem& item) {
  Passage passage{item.tokens(0, item.length), {}};
  for (size_t t = 1; t < item.length; ++t) {
    if (item.example->learned[t] != 0) passage.targets.push_back(static_cast<int32_t>(t));
  }
  return passage;
}

// The continuation after the prefix alone.
Passage extracted(const LeakItem& item) {
  Passage passage{item.tokens(item.begin, item.end), {}};
  for (size_t t = item.cut; t < item.end; ++t) {
    passage.targets.push_back(static_cast<int32_t>(t - item.begin));
  }
  return passage;
}

// Tells how far all phases together are.
class Progress {
 public:
  Progress(const EvalControl& control, size_t total)
      : control_(control), total_(static_cast<int64_t>(total)) {}

  // The next phase, of n units.
  PassagesDone phase(size_t n) {
    const size_t first = begun_;
    begun_ += n;
    return [this, first, n](size_t done) {
      report_progress(control_, {"leak", static_cast<int64_t>(first + std::min(n, done)), total_});
    };
  }

 private:
  const EvalControl& control_;
  int64_t total_;
  size_t begun_ = 0;
};

// What one model makes of all rows and canaries.
class OneModel {
 public:
  OneModel(const Subject& subject, const LeakData::Impl& data, Progress& progress)
      : subject_(subject), data_(data), progress_(progress), stream_(*subject.engine) {}

  std::vector<LeakRow::By> rows() {
    std::vector<Passage> passages;
    for (const LeakItem& item : data_.items) passages.push_back(whole_row(item));
    // Where the prefix begins the row its continuation is scored already.
    std::vector<size_t> apart;
    for (size_t i = 0; i < data_.items.size(); ++i) {
      const LeakItem& item = data_.items[i];
      if (item.begin == 0 || item.cut == item.end) continue;
      apart.push_back(i);
      passages.push_back(extracted(item));
    }
    const auto scores =
        score_passages(stream_, subject_.sequence, passages, data_.options.batch_tokens,
                       progress_.phase(data_.items.size()));
    std::vector<LeakRow::By> out;
    for (size_t i = 0; i < data_.items.size(); ++i) out.push_back(row(i, scores[i]));
    for (size_t a = 0; a < apart.size(); ++a) {
      extract(scores[data_.items.size() + a], out[apart[a]]);
    }
    return out;
  }

  // What it says after the prefix of each training row: that of the row where it is verbatim.
  std::vector<std::vector<TokenId>> outputs(std::span<const LeakRow::By> rows) {
    std::vector<GreedyPrompt> prompts;
    for (size_t i = 0; i < static_cast<size_t>(data_.members); ++i) {
      const LeakItem& item = data_.items[i];
      prompts.push_back({item.prefix(), rows[i].verbatim ? 0 : item.end - item.cut});
    }
    auto out = continue_greedily(stream_, subject_.sequence, prompts, answer_ends(subject_),
                                 progress_.phase(prompts.size()));
    for (size_t i = 0; i < out.size(); ++i) {
      const auto own = data_.items[i].continuation();
      if (rows[i].verbatim) out[i].assign(own.begin(), own.end());
    }
    return out;
  }

  // The likelihood of each canary, then of each decoy, from the first token on in which any two
  // differ.
  std::vector<double> secrets() {
    std::vector<std::vector<Request>> items;
    size_t shared = data_.secrets.front().ids.size();
    for (const data::Example& e : data_.secrets) {
      const auto& first = data_.secrets.front().ids;
      const size_t n = std::min({shared, e.ids.size(), first.size()});
      shared = static_cast<size_t>(
          std::mismatch(first.begin(), first.begin() + static_cast<ptrdiff_t>(n), e.ids.begin())
              .first -
          first.begin());
    }
    for (const data::Example& e : data_.secrets) {
      items.push_back({Request{e.ids, e.ids.size() - std::max<size_t>(1, shared), false}});
    }
    Scorer scorer(subject_, data_.options.batch_tokens);
    std::vector<double> out(items.size());
    const PassagesDone done = progress_.phase(items.size());
    scorer.run(items, [&](size_t i, std::span<const Score> scores) {
      out[i] = scores.front().log_likelihood;
      if (!std::isfinite(out[i])) {
        throw Error(ErrorKind::bad_data,
                    fmt::format("the model gives a canary a log-likelihood of {}", out[i]));
      }
      done(i + 1);
    });
    secret_tokens_ = scorer.tokens();
    return out;
  }

  int64_t tokens() const { return stream_.tokens() + secret_tokens_; }

 private:
  LeakRow::By row(size_t i, std::span<const TokenScore> scores) const {
    const LeakItem& item = data_.items[i];
    LeakRow::By by;
    by.loss = -log_likelihood(scores) / static_cast<double>(scores.size());
    if (!std::isfinite(by.loss)) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("{}: the model gives it a loss of {}", item.place, by.loss));
    }
    by.min_k = min_k(scores);
    if (item.begin > 0 || item.cut == item.end) return by;
    // Its tokens are learned without a gap.
    const auto& learned = item.example->learned;
    const auto before =
        std::count(learned.begin() + 1, learned.begin() + static_cast<ptrdiff_t>(item.cut), 1);
    extract(scores.subspan(static_cast<size_t>(before), item.end - item.cut), by);
    return by;
  }

  // Greedy decoding gives a text if every token of it is the first choice after those before.
  static void extract(std::span<const TokenScore> scores, LeakRow::By& by) {
    by.log_likelihood = log_likelihood(scores);
    by.verbatim =
        std::all_of(scores.begin(), scores.end(), [](const TokenScore& s) { return s.greedy; });
  }

  const Subject& subject_;
  const LeakData::Impl& data_;
  Progress& progress_;
  LogitStream stream_;
  int64_t secret_tokens_ = 0;
};

Extraction extraction_of(std::span<const LeakRow> rows, bool member, LeakRow::By LeakRow::*of) {
  std::vector<double> verbatim;
  std::array<std::vector<double>, Extraction::kSamples.size()> discovered;
  for (const LeakRow& row : rows) {
    if (row.member != member || row.continuation == 0) continue;
    const LeakRow::By& by = row.*of;
    verbatim.push_back(by.verbatim ? 1 : 0);
    for (size_t k = 0; k < discovered.size(); ++k) {
      discovered[k].push_back(
          discoverable(by.log_likelihood, Extraction::kSamples[k], Extraction::kProbability) ? 1
                                                                                             : 0);
    }
  }
  Extraction out;
  out.rows = static_cast<int64_t>(verbatim.size());
  out.verbatim = mean_of(verbatim);
  for (size_t k = 0; k < discovered.size(); ++k) out.discoverable[k] = mean_of(discovered[k]);
  return out;
}

Verbatim verbatim_of(std::span<const LeakRow> rows) {
  Verbatim out;
  std::pair<int64_t, int64_t> heldout{0, 0};
  for (const LeakRow& row : rows) {
    if (row.continuation == 0) continue;
    if (!row.member) {
      heldout.first += row.tuned.verbatim;
      ++heldout.second;
      continue;
    }
    ++out.rows;
    out.verbatim += row.tuned.verbatim;
    out.gained += row.tuned.verbatim && !row.base.verbatim;
    out.lost += row.base.verbatim && !row.tuned.verbatim;
  }
  if (heldout.second > 0) out.heldout = heldout;
  return out;
}

template <typename Score>
Membership membership_of(const char* name, std::span<const LeakRow> rows, const Score& score) {
  std::vector<double> members, others;
  for (const LeakRow& row : rows) (row.member ? members : others).push_back(score(row));
  Membership out;
  out.score = name;
  out.auc = area_under_roc(members, others);
  for (size_t k = 0; k < Membership::kRates.size(); ++k) {
    out.tpr[k] = true_positive_rate(members, others, Membership::kRates[k]);
  }
  return out;
}

std::vector<Membership> memberships(std::span<const LeakRow> rows) {
  return {
      membership_of("loss, base − tuned", rows,
                    [](const LeakRow& r) { return r.base.loss - r.tuned.loss; }),
      membership_of("loss", rows, [](const LeakRow& r) { return -r.tuned.loss; }),
      membership_of("Min-K%++", rows, [](const LeakRow& r) { return r.tuned.min_k; }),
      // Away from 0.5 the two sets are not of one kind, whatever was trained.
      membership_of("loss of the base", rows, [](const LeakRow& r) { return -r.base.loss; }),
  };
}

std::vector<CanaryResult> canaries_of(std::span<const double> tuned, std::span<const double> base,
                                      size_t n) {
  std::vector<CanaryResult> out;
  for (size_t i = 0; i < n; ++i) {
    out.push_back({static_cast<int64_t>(i) + 1, exposure(tuned[i], tuned.subspan(n)),
                   exposure(base[i], base.subspan(n))});
  }
  return out;
}

LeakRow row_of(const LeakItem& item, const LeakRow::By& tuned, const LeakRow::By& base) {
  LeakRow row;
  row.place = item.place;
  row.member = item.member;
  row.tokens = static_cast<int64_t>(item.length);
  row.learned = std::count(item.example->learned.begin(),
                           item.example->learned.begin() + static_cast<ptrdiff_t>(item.length), 1);
  row.tuned = tuned;
  row.base = base;
  row.prefix = static_cast<int>(item.cut - item.begin);
  row.continuation = static_cast<int>(item.end - item.cut);
  return row;
}

}  // namespace

LeakResult evaluate_leak(const Subject& tuned, const Subject& base, const LeakData& leak_data,
                         const EvalControl& control) {
  require_same_vocabulary(*tuned.tokenizer, *base.tokenizer);
  const LeakData::Impl& data = leak_data.impl();
  PersonalCounter personal(data.items, *data.tokenizer);
  const auto members = static_cast<size_t>(data.members);
  Progress progress(control, 2 * (data.items.size() + members + data.secrets.size()));
  OneModel ours(tuned, data, progress), theirs(base, data, progress);
  const std::vector<LeakRow::By> our_rows = ours.rows(), their_rows = theirs.rows();

  LeakResult result;
  result.members = data.members;
  result.heldout = static_cast<int64_t>(data.items.size()) - data.members;
  result.cut = data.cut;
  result.equal = data.equal;
  for (size_t i = 0; i < data.items.size(); ++i) {
    result.rows.push_back(row_of(data.items[i], our_rows[i], their_rows[i]));
    result.too_short += result.rows.back().continuation == 0;
  }
  result.tuned = extraction_of(result.rows, true, &LeakRow::tuned);
  result.base = extraction_of(result.rows, true, &LeakRow::base);
  if (result.heldout > 0) {
    result.heldout_tuned = extraction_of(result.rows, false, &LeakRow::tuned);
    result.membership = memberships(result.rows);
  }

  const auto our_outputs = ours.outputs(our_rows), their_outputs = theirs.outputs(their_rows);
  for (size_t i = 0; i < our_outputs.size(); ++i) {
    personal.add(data.items[i], our_outputs[i], &PersonalData::tuned);
    personal.add(data.items[i], their_outputs[i], &PersonalData::base);
  }
  result.personal = personal.result();

  if (data.canaries) {
    const std::vector<double> our_secrets = ours.secrets(), their_secrets = theirs.secrets();
    result.canaries = canaries_of(our_secrets, their_secrets, data.canaries->secrets.size());
    result.canary_repeats = data.canaries->repeats;
    result.decoys = data.options.decoys;
    result.max_exposure = std::log2(static_cast<double>(data.options.decoys + 1));
  }
  const bool compared = !result.membership.empty();
  const Membership* membership = compared ? &result.membership.front() : nullptr;
  const Membership* of_base = compared ? &result.membership.back() : nullptr;
  result.tests = {test_membership(membership, of_base, result.members, result.heldout),
                  test_extraction(verbatim_of(result.rows)),
                  test_canaries(result.canaries, data.options.decoys)};
  result.leaky = std::any_of(result.tests.begin(), result.tests.end(),
                             [](const LeakTest& test) { return test.leaky; });
  result.tokens = ours.tokens() + theirs.tokens();
  return result;
}

}  // namespace nalar
