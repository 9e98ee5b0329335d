#pragma once

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "data/example.h"
#include "train/trainable_model.h"
#include "train/update_plan.h"

namespace nalar::test {

// A model that predicts a token from the one before it: logits = bias + table[id]. While it is
// trained a mask that is a function of (seed, update, the document's key, row in it) leaves single
// rows out, as dropout would: a loop that miscounts updates or mixes up keys gets other gradients.
class BigramModel : public train::TrainableModel {
 public:
  explicit BigramModel(int vocab_size, double dropout = 0.2)
      : v_(static_cast<size_t>(vocab_size)),
        dropout_(dropout),
        values_{std::vector<float>(v_ * v_), std::vector<float>(v_)},
        gradients_(values_) {
    for (size_t p = 0; p < values_.size(); ++p) {
      for (size_t e = 0; e < values_[p].size(); ++e) {
        values_[p][e] = static_cast<float>(base::uniform(7, p, e) - 0.5);
      }
    }
    const auto v = static_cast<int64_t>(v_);
    parameters_ = {{"table.weight", {v, v}, values_[0], gradients_[0]},
                   {"table.bias", {v}, values_[1], gradients_[1]}};
  }

  std::span<train::Parameter> parameters() override { return parameters_; }
  void parameters_changed() override {}
  void clear_gradients() override {
    for (std::vector<float>& g : gradients_) std::fill(g.begin(), g.end(), 0.0f);
  }
  double loss(const train::Batch& batch) override { return pass(batch, nullptr, 0); }
  double add_gradients(const train::Batch& batch, float weight, uint64_t update) override {
    return pass(batch, &weight, update);
  }
  train::TrainingMemory memory() const override { return {}; }

  // Tokens after which nothing but NaN comes out.
  std::set<TokenId> poison;

 private:
  double pass(const train::Batch& batch, const float* weight, uint64_t update) {
    double loss = 0;
    size_t document = 0;
    for (size_t i = 0; i < batch.learned.size(); ++i) {
      const int32_t row = batch.learned[i];
      while (batch.documents[document + 1] <= row) ++document;
      const auto key = static_cast<uint64_t>(batch.keys[document]);
      const auto position = static_cast<uint64_t>(row - batch.documents[document]);
      const bool dropped = weight != nullptr && base::uniform(update, key, position) < dropout_;
      loss += row_loss(batch.ids[static_cast<size_t>(row)], batch.labels[i],
                       dropped ? nullptr : weight);
    }
    return loss;
  }

  double row_loss(TokenId id, TokenId label, const float* weight) {
    const size_t from = static_cast<size_t>(id) * v_;
    std::vector<double> p(v_);
    double sum = 0;
    for (size_t j = 0; j < v_; ++j) {
      const auto logit = static_cast<double>(values_[0][from + j] + values_[1][j]);
      sum += p[j] = std::exp(logit);
    }
    for (size_t j = 0; j < v_ && weight != nullptr; ++j) {
      const double target = static_cast<TokenId>(j) == label ? 1 : 0;
      const auto g = static_cast<float>(static_cast<double>(*weight) * (p[j] / sum - target));
      gradients_[0][from + j] += g;
      gradients_[1][j] += g;
    }
    if (poison.contains(id)) return std::numeric_limits<double>::quiet_NaN();
    return -std::log(p[static_cast<size_t>(label)] / sum);
  }

  size_t v_;
  double dropout_;
  std::vector<std::vector<float>> values_, gradients_;
  std::vector<train::Parameter> parameters_;
};

// n rows of 3 to 12 tokens, a function of `seed`; each row is line i + 1 of "rows.jsonl", and all
// but its first tokens are learned.
struct MadeRows {
  std::vector<data::Example> examples;
  std::vector<std::string> paths = {"rows.jsonl"};

  MadeRows(int n, int vocab_size, uint64_t seed = 1) {
    for (int i = 0; i < n; ++i) {
      const auto row = static_cast<uint64_t>(i);
      data::Example example;
      const auto length = 3 + base::philox(seed, row, 0)[0] % 10;
      for (uint32_t t = 0; t < length; ++t) {
        // Every token is likely to be followed by the next one: there is something to learn.
        const uint32_t draw = base::philox(seed, row, t + 1)[0];
        const int id = t > 0 && draw % 4 != 0 ? example.ids.back() + 1 : static_cast<int>(draw / 4);
        example.ids.push_back(id % vocab_size);
        example.learned.push_back(t >= 2 || (t == 1 && i % 2 == 0) ? 1 : 0);
      }
      example.line = i + 1;
      examples.push_back(std::move(example));
    }
  }
  train::Rows rows() const { return {examples, paths}; }
};

}  // namespace nalar::test
