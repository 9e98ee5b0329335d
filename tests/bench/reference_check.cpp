// Greedy steps against a reference made by scripts/make_reference_logits.py: fed with the
// reference's tokens, our best token must be its best at each step, or its two best lie within 1e-3
// of the largest |logit|. Usage: reference_check MODEL REFERENCE.safetensors [auto]; exit status 1
// when a step differs.
#include <nalar/nalar.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "engine/cpu_engine.h"
#include "io/file_system.h"
#include "io/safetensors_reader.h"

namespace {

template <typename T>
class Table {
 public:
  explicit Table(const nalar::TensorView& view) : columns_(static_cast<size_t>(view.columns())) {
    values_.resize(static_cast<size_t>(view.elements()));
    std::memcpy(values_.data(), view.bytes.data(), view.bytes.size());
  }
  size_t rows() const { return values_.size() / columns_; }
  std::span<const T> row(size_t r) const { return {values_.data() + r * columns_, columns_}; }

 private:
  size_t columns_;
  std::vector<T> values_;
};

struct Counts {
  int64_t steps = 0, equal = 0, close = 0, wrong = 0;
  double worst = 0;  // |our best logit - its best| / max |logit|
};

nalar::EngineOptions options(nalar::Compute compute) {
  nalar::EngineOptions o;
  o.compute = compute;
  o.n_ctx = 512;
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: reference_check MODEL REFERENCE.safetensors [auto]\n");
    return 64;
  }
  try {
    const auto map = nalar::io::file_system().map(argv[2]);
    const auto file = nalar::io::parse_safetensors(map->bytes());
    std::map<std::string, nalar::TensorView> by_name;
    for (const auto& t : file.tensors) by_name[std::string(t.name)] = t;
    const Table<int32_t> prompts(by_name.at("prompt_ids")), ids(by_name.at("token_ids"));
    const Table<float> best(by_name.at("best_logits")), second(by_name.at("second_logits")),
        scale(by_name.at("max_abs_logits"));

    const auto model = nalar::open_model(argv[1]);
    const auto compute = argc > 3 ? nalar::Compute::automatic : nalar::Compute::fp32;
    const auto engine = nalar::engine::make_cpu_engine(model, options(compute));
    const int64_t vocab = model->config().vocab_size;
    Counts c;
    for (size_t p = 0; p < prompts.rows(); ++p) {
      std::vector<nalar::TokenId> tokens(prompts.row(p).begin(), prompts.row(p).end());
      const auto first = static_cast<int32_t>(tokens.size()) - 1;
      tokens.insert(tokens.end(), ids.row(p).begin(), ids.row(p).end() - 1);
      std::vector<int32_t> rows;
      for (int32_t r = first; r < static_cast<int32_t>(tokens.size()); ++r) rows.push_back(r);
      std::vector<float> logits(rows.size() * static_cast<size_t>(vocab));
      const auto sequence = engine->create();
      const nalar::Slice slice{sequence, tokens, rows};
      engine->forward({&slice, 1},
                      {logits.data(), static_cast<int64_t>(rows.size()), vocab, vocab});
      engine->release(sequence);
      for (size_t s = 0; s < rows.size(); ++s) {
        const float* row = logits.data() + s * static_cast<size_t>(vocab);
        const auto ours = static_cast<int32_t>(std::max_element(row, row + vocab) - row);
        const float limit = scale.row(p)[s];
        c.worst = std::max(
            c.worst, static_cast<double>(std::fabs(row[ids.row(p)[s]] - best.row(p)[s]) / limit));
        ++c.steps;
        if (ours == ids.row(p)[s]) {
          ++c.equal;
        } else if (best.row(p)[s] - second.row(p)[s] <= 1e-3f * limit) {
          ++c.close;
        } else {
          ++c.wrong;
        }
      }
    }
    std::printf(
        "prompts %zu  steps %lld  equal %lld  within 1e-3 %lld  different %lld  "
        "worst |Δ best logit| / max |logit| %.2e\n",
        prompts.rows(), static_cast<long long>(c.steps), static_cast<long long>(c.equal),
        static_cast<long long>(c.close), static_cast<long long>(c.wrong), c.worst);
    return c.wrong == 0 ? 0 : 1;
  } catch (const nalar::Error& e) {
    std::fprintf(stderr, "reference_check: %s\n", e.what());
    return static_cast<int>(e.kind());
  }
}
