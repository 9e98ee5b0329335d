#include "eval/leak_passages.h"

#include <algorithm>

#include "eval/owned_sequence.h"
#include "eval/row_score.h"

namespace nalar::eval {
namespace {

constexpr size_t kTogether = 32;  // prompts that are gone on with at a time

TokenScore score_token(std::span<const float> logits, TokenId id) {
  const RowScore score = score_row(logits);
  const RowMoments moments = row_moments(logits, score);
  const double p = logprob(score, logits, id);
  // Where the model is certain nothing deviates.
  const double z = moments.deviation > 0 ? (p - moments.mean) / moments.deviation : 0;
  return {p, z, score.top == id};
}

// Of one call: sequences, slices and whose their rows are.
class Batch {
 public:
  Batch(LogitStream& stream, const SequenceOptions& options) : stream_(stream), options_(options) {}

  void add(const Passage& passage, std::vector<TokenScore>& scores) {
    std::vector<int32_t>& rows = rows_.emplace_back();
    scores.resize(passage.targets.size());
    for (size_t t = 0; t < passage.targets.size(); ++t) {
      rows.push_back(passage.targets[t] - 1);
      targets_.push_back({passage.tokens[static_cast<size_t>(passage.targets[t])], &scores[t]});
    }
    Engine& engine = stream_.engine();
    sequences_.emplace_back(engine, engine.create(options_));
    const size_t read = rows.empty() ? 0 : static_cast<size_t>(rows.back()) + 1;
    tokens_.push_back(passage.tokens.first(read));
    n_ += read;
  }
  size_t n_tokens() const { return n_; }

  void run() {
    std::vector<Slice> slices;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (!tokens_[i].empty()) slices.push_back({sequences_[i].id(), tokens_[i], rows_[i]});
    }
    if (slices.empty()) return;
    stream_.forward(slices, [&](int64_t j, std::span<const float> logits) {
      const Target& target = targets_[static_cast<size_t>(j)];
      *target.score = score_token(logits, target.id);
    });
  }

 private:
  struct Target {
    TokenId id;
    TokenScore* score;
  };
  LogitStream& stream_;
  const SequenceOptions& options_;
  std::vector<OwnedSequence> sequences_;
  std::vector<std::span<const TokenId>> tokens_;
  std::vector<std::vector<int32_t>> rows_;
  std::vector<Target> targets_;
  size_t n_ = 0;
};

// A prompt that is being gone on with.
struct Stream {
  OwnedSequence sequence;
  size_t n = 0;
  std::vector<TokenId>* out = nullptr;
  TokenId next = 0;
};

// Reads `tokens` of each stream and sets its next token.
void step(LogitStream& stream, std::vector<Stream>& streams,
          const std::vector<std::span<const TokenId>>& tokens) {
  std::vector<Slice> slices;
  std::vector<int32_t> last(streams.size());
  for (size_t i = 0; i < streams.size(); ++i) {
    last[i] = static_cast<int32_t>(tokens[i].size()) - 1;
    slices.push_back({streams[i].sequence.id(), tokens[i], std::span(last).subspan(i, 1)});
  }
  stream.forward(slices, [&](int64_t j, std::span<const float> logits) {
    streams[static_cast<size_t>(j)].next = score_row(logits).top;
  });
}

}  // namespace

std::vector<std::vector<TokenScore>> score_passages(LogitStream& stream,
                                                    const SequenceOptions& options,
                                                    std::span<const Passage> passages,
                                                    int batch_tokens, const PassagesDone& done) {
  std::vector<std::vector<TokenScore>> scores(passages.size());
  for (size_t i = 0; i < passages.size();) {
    Batch batch(stream, options);
    do {
      batch.add(passages[i], scores[i]);
      ++i;
    } while (i < passages.size() && batch.n_tokens() < static_cast<size_t>(batch_tokens));
    batch.run();
    done(i);
  }
  return scores;
}

std::vector<std::vector<TokenId>> continue_greedily(LogitStream& stream,
                                                    const SequenceOptions& options,
                                                    std::span<const GreedyPrompt> prompts,
                                                    std::span<const TokenId> ends,
                                                    const PassagesDone& done) {
  std::vector<std::vector<TokenId>> out(prompts.size());
  Engine& engine = stream.engine();
  for (size_t first = 0; first < prompts.size(); first += kTogether) {
    const size_t end = std::min(prompts.size(), first + kTogether);
    std::vector<Stream> streams;
    std::vector<std::span<const TokenId>> tokens;
    for (size_t i = first; i < end; ++i) {
      if (prompts[i].n == 0) continue;
      streams.push_back({OwnedSequence(engine, engine.create(options)), prompts[i].n, &out[i]});
      tokens.push_back(prompts[i].tokens);
    }
    while (!streams.empty()) {
      step(stream, streams, tokens);
      std::erase_if(streams, [&](Stream& s) {
        if (std::find(ends.begin(), ends.end(), s.next) != ends.end()) return true;
        s.out->push_back(s.next);
        return s.out->size() == s.n;
      });
      tokens.clear();
      for (const Stream& s : streams) tokens.emplace_back(&s.next, 1);
    }
    done(end);
  }
  return out;
}

}  // namespace nalar::eval
