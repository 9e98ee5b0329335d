#include "quant/sensitivity.h"

#include <nalar/engine.h>
#include <nalar/model.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <set>
#include <stdexcept>

#include "engine/cpu_engine.h"
#include "quant/encode.h"
#include "support/catch.h"
#include "support/material.h"
#include "support/safetensors_builder.h"

namespace nalar::quant {
namespace {

const std::string kModel = "stories260k/stories260K-f32.gguf";

std::vector<float> some_importance(int64_t columns) {
  std::vector<float> out;
  for (int64_t c = 0; c < columns; ++c) out.push_back(1 + static_cast<float>(c % 5));
  return out;
}

int64_t columns_of(const Model& model, const std::string& matrix) {
  for (const LayerWeights& w : model.weights().layers) {
    for (const TensorView* view : {&w.q, &w.k, &w.v, &w.o, &w.gate, &w.up, &w.down}) {
      if (view->name == matrix) return view->columns();
    }
  }
  return model.config().d_model;
}

std::set<std::string> all_matrices(const Model& model) {
  std::set<std::string> out = {std::string(model.weights().embedding.name),
                               std::string(model.weights().head.name)};
  for (const LayerWeights& w : model.weights().layers) {
    for (const TensorView* matrix : {&w.q, &w.k, &w.v, &w.o, &w.gate, &w.up, &w.down}) {
      out.emplace(matrix->name);
    }
  }
  return out;
}

Sensitivities sensitivities(const std::shared_ptr<const Model>& model, int threads,
                            std::set<std::string> matrices,
                            std::function<void(int64_t, int64_t)> on_step = {}) {
  base::ThreadPool pool(threads);
  SensitivityRequest request;
  request.model = model;
  request.tokens = drawn_tokens(*model);
  request.matrices = std::move(matrices);
  std::vector<float> importance;
  request.importance = [&](const std::string& matrix) {
    importance = some_importance(columns_of(*model, matrix));
    return Importance{importance, false};
  };
  request.on_step = std::move(on_step);
  return measure_sensitivities(request, pool);
}

// [T, V]
std::vector<float> logits_of(const std::shared_ptr<const Model>& model) {
  const CalibrationTokens tokens = drawn_tokens(*model);
  const auto engine = engine::make_cpu_engine(model, {});
  const int64_t vocabulary = model->config().vocab_size;
  std::vector<int> rows;
  for (int i = 0; i < tokens.count(); ++i) rows.push_back(i);
  std::vector<float> out(static_cast<size_t>(tokens.count() * vocabulary));
  const Slice slice{engine->create(), tokens.of(0), rows};
  engine->forward({&slice, 1}, {out.data(), tokens.count(), vocabulary, vocabulary});
  return out;
}

// The model's file with one of its matrices rounded, and what that took of its output.
std::shared_ptr<const Model> rounded(const std::string& file, const TensorView& matrix,
                                     double& squared_error, DType type = DType::q4_0) {
  std::string bytes = test::read_text(file);
  const std::string own(reinterpret_cast<const char*>(matrix.bytes.data()), matrix.bytes.size());
  const size_t at = bytes.find(own);
  REQUIRE(at != std::string::npos);
  const auto columns = static_cast<size_t>(matrix.columns());
  const std::vector<float> importance = some_importance(matrix.columns());
  std::vector<float> row(columns), decoded(columns);
  std::vector<std::byte> encoded(columns / 32 * 18);
  double sum = 0, error = 0;
  for (int64_t r = 0; r < matrix.rows(); ++r) {
    const size_t offset = static_cast<size_t>(r) * columns * sizeof(float);
    std::memcpy(row.data(), bytes.data() + at + offset, columns * sizeof(float));
    encode_row(type, row, {importance, false}, encoded.data(), decoded.data());
    for (size_t c = 0; c < columns; ++c) {
      sum += double{importance[c]} * row[c] * row[c];
      error += double{importance[c]} * std::pow(double{row[c]} - double{decoded[c]}, 2);
    }
    std::memcpy(bytes.data() + at + offset, decoded.data(), columns * sizeof(float));
  }
  squared_error = error / sum;
  const std::string path = test::temporary_folder() + "/rounded.gguf";
  test::write_text(path, bytes);
  return open_model(path);
}

// ½ E_t[Var_v(Δz)]
double half_variance(const std::vector<float>& a, const std::vector<float>& b, size_t vocabulary) {
  double sum = 0;
  for (size_t t = 0; t < a.size(); t += vocabulary) {
    double mean = 0, squares = 0;
    for (size_t v = t; v < t + vocabulary; ++v) {
      const double d = double{a[v]} - double{b[v]};
      mean += d / static_cast<double>(vocabulary);
      squares += d * d / static_cast<double>(vocabulary);
    }
    sum += (squares - mean * mean) / 2;
  }
  return sum / static_cast<double>(a.size() / vocabulary);
}

}  // namespace

TEST_CASE("a matrix's sensitivity is what a model in which it is rounded predicts differently") {
  const std::string file = test::golden(kModel);
  const auto model = open_model(file);
  const Sensitivities found = sensitivities(model, 2, all_matrices(*model));
  const auto vocabulary = static_cast<size_t>(model->config().vocab_size);
  REQUIRE(vocabulary <= 1024);  // all of it is looked at
  const std::vector<float> plain = logits_of(model);
  const Weights& weights = model->weights();
  for (const TensorView& matrix :
       {weights.layers[0].q, weights.layers[1].k, weights.layers[1].v, weights.layers[2].o,
        weights.layers[3].gate, weights.layers[4].up}) {
    INFO(matrix.name);
    double error = 0;
    const auto other = rounded(file, matrix, error);
    const double want = half_variance(logits_of(other), plain, vocabulary) / error;
    REQUIRE(found.count(std::string(matrix.name)) == 1);
    // Differences of logits keep some four digits of their fp32.
    CHECK(std::fabs(found.at(std::string(matrix.name)) / want - 1) < 2e-3);
  }
  // Rows of 172 values do not fit 4 bits.
  CHECK(found.count("blk.0.ffn_down.weight") == 0);
  // The embedding, which is the head too: as the head alone it would be ½ E[z²].
  double squares = 0;
  for (const float z : plain) squares += double{z} * z / static_cast<double>(plain.size());
  CHECK(found.at("token_embd.weight") > squares / 2);
}

TEST_CASE("matrices that are not asked for are not tried, and do not change what is found") {
  const auto model = open_model(test::golden(kModel));
  const Sensitivities all = sensitivities(model, 1, all_matrices(*model));
  const Sensitivities one = sensitivities(model, 1, {"blk.3.attn_v.weight"});
  REQUIRE(one.size() == 1);
  CHECK(one.at("blk.3.attn_v.weight") == all.at("blk.3.attn_v.weight"));
}

TEST_CASE("every family has sensitivities of every matrix, of biases and norms after it too") {
  for (const char* name : {"gemma3", "qwen2-bias", "qwen3", "llama-bias"}) {
    INFO(name);
    const auto model = open_model(test::golden("models/" + std::string(name) + ".gguf"));
    const std::set<std::string> matrices = all_matrices(*model);
    const Sensitivities found = sensitivities(model, 2, matrices);
    for (const LayerWeights& w : model->weights().layers) {
      for (const TensorView* matrix : {&w.q, &w.k, &w.v, &w.o, &w.gate, &w.up, &w.down}) {
        INFO(matrix->name);
        if (!fits(DType::q4_0, matrix->columns())) continue;
        REQUIRE(found.count(std::string(matrix->name)) == 1);
        CHECK(found.at(std::string(matrix->name)) > 0);
      }
    }
  }
}

TEST_CASE("a matrix that lies on the grid of Q4_0 is rounded to another one") {
  const std::string file = test::golden(kModel);
  const auto model = open_model(file);
  const TensorView matrix = model->weights().layers[2].up;
  double error = 0;
  const auto on_grid = rounded(file, matrix, error);
  const std::string name(matrix.name);
  const double before = sensitivities(model, 1, {name}).at(name);
  const double after = sensitivities(on_grid, 1, {name}).at(name);
  // Not that of a rounding error of fp32 over its square.
  CHECK(after < 3 * before);
  CHECK(after > before / 3);
}

TEST_CASE("sensitivities do not depend on the number of threads, and can be stopped") {
  const auto model = open_model(test::golden(kModel));
  int64_t n = 0, of = -1;
  const auto one = sensitivities(model, 1, all_matrices(*model), [&](int64_t done, int64_t total) {
    CHECK(done == n++);
    if (of < 0) of = total;
    CHECK(total == of);
  });
  CHECK(n > 0);
  CHECK(n == of);
  CHECK(one == sensitivities(model, 2, all_matrices(*model)));
  CHECK_THROWS_WITH(sensitivities(model, 1, all_matrices(*model),
                                  [](int64_t done, int64_t) {
                                    if (done == 20) throw std::runtime_error("stopped");
                                  }),
                    "stopped");
}

}  // namespace nalar::quant
