// What 8-bit activations cost: mean KL divergence, in nats a token, of the default path to
// --compute fp32 on the same weights, over the second half of each n_ctx chunk of a text (the
// convention of llama-perplexity
// --kl-divergence). Usage: kl_bench MODEL TEXT [CHUNKS] [N_CTX]
#include <nalar/nalar.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <sstream>
#include <vector>

#include "engine/cpu_engine.h"

namespace {

struct Totals {
  double kl = 0, kl_squared = 0, max = 0, nll = 0, nll_reference = 0;
  int64_t tokens = 0, same_top = 0;
};

double log_sum_exp(std::span<const float> logits) {
  const float top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float l : logits) sum += std::exp(static_cast<double>(l - top));
  return top + std::log(sum);
}

void compare(std::span<const float> reference, std::span<const float> other, int target,
             Totals& t) {
  const double zr = log_sum_exp(reference), zo = log_sum_exp(other);
  double kl = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double log_p = reference[i] - zr;
    kl += std::exp(log_p) * (log_p - (other[i] - zo));
  }
  const auto best = [](std::span<const float> l) {
    return std::max_element(l.begin(), l.end()) - l.begin();
  };
  t.kl += kl;
  t.kl_squared += kl * kl;
  t.max = std::max(t.max, kl);
  t.nll += zo - other[static_cast<size_t>(target)];
  t.nll_reference += zr - reference[static_cast<size_t>(target)];
  t.same_top += best(reference) == best(other);
  ++t.tokens;
}

nalar::EngineOptions options(nalar::Compute compute, int n_ctx) {
  nalar::EngineOptions o;
  o.compute = compute;
  o.n_ctx = n_ctx;
  return o;
}

class Scorer {
 public:
  Scorer(const std::shared_ptr<const nalar::Model>& model, nalar::Compute compute, int n_ctx)
      : engine_(nalar::engine::make_cpu_engine(model, options(compute, n_ctx))),
        vocab_(model->config().vocab_size) {
    rows_.resize(static_cast<size_t>(n_ctx - 1 - n_ctx / 2));
    std::iota(rows_.begin(), rows_.end(), n_ctx / 2);
    logits_.resize(rows_.size() * static_cast<size_t>(vocab_));
  }
  void run(std::span<const nalar::TokenId> tokens) {
    const auto sequence = engine_->create();
    const nalar::Slice slice{sequence, tokens, rows_};
    const auto n = static_cast<int64_t>(rows_.size());
    engine_->forward({&slice, 1}, {logits_.data(), n, vocab_, vocab_});
    engine_->release(sequence);
  }
  size_t n_rows() const { return rows_.size(); }
  int position(size_t i) const { return rows_[i]; }
  std::span<const float> row(size_t i) const {
    return {logits_.data() + i * static_cast<size_t>(vocab_), static_cast<size_t>(vocab_)};
  }

 private:
  std::unique_ptr<nalar::Engine> engine_;
  int vocab_;
  std::vector<int32_t> rows_;
  std::vector<float> logits_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: kl_bench MODEL TEXT [CHUNKS] [N_CTX]\n");
    return 64;
  }
  const int chunks = argc > 3 ? std::atoi(argv[3]) : 20;
  const int n_ctx = argc > 4 ? std::atoi(argv[4]) : 512;
  try {
    const auto model = nalar::open_model(argv[1]);
    const auto tokenizer = nalar::open_tokenizer(model->files());
    std::ifstream in(argv[2], std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    auto ids = tokenizer->encode(
        text.str(), {.add_special = true, .parse_special = false, .special_ranges = {}});
    Scorer reference(model, nalar::Compute::fp32, n_ctx);
    Scorer fast(model, nalar::Compute::automatic, n_ctx);
    Totals t;
    for (int c = 0; c < chunks && static_cast<size_t>((c + 1) * n_ctx) <= ids.size(); ++c) {
      const std::span chunk(ids.data() + static_cast<size_t>(c) * static_cast<size_t>(n_ctx),
                            static_cast<size_t>(n_ctx));
      if (tokenizer->adds_bos()) chunk[0] = *tokenizer->special().bos;
      reference.run(chunk);
      fast.run(chunk);
      for (size_t i = 0; i < reference.n_rows(); ++i) {
        compare(reference.row(i), fast.row(i),
                chunk[static_cast<size_t>(reference.position(i)) + 1], t);
      }
    }
    const auto n = static_cast<double>(t.tokens);
    const double mean = t.kl / n;
    std::printf(
        "tokens %lld  mean KL %.6f ± %.6f  max %.4f  same top %.2f %%  perplexity %.4f (fp32 "
        "%.4f)\n",
        static_cast<long long>(t.tokens), mean,
        std::sqrt(std::max(0.0, t.kl_squared / n - mean * mean) / n), t.max,
        100.0 * static_cast<double>(t.same_top) / n, std::exp(t.nll / n),
        std::exp(t.nll_reference / n));
  } catch (const nalar::Error& e) {
    std::fprintf(stderr, "kl_bench: %s\n", e.what());
    return static_cast<int>(e.kind());
  }
  return 0;
}
