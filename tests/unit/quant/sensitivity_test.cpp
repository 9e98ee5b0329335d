#include "quant/sensitivity.h"

#include <nalar/engine.h>
#include <nalar/model.h>

#include <cmath>
#include <cstring>

#include "engine/cpu_engine.h"
#include "io/tensor_file.h"
#include "quant/encode.h"
#include "support/catch.h"
#include "support/material.h"
#include "support/safetensors_builder.h"

namespace nalar::quant {
namespace {

const std::string kModel = "stories260k/stories260K-f32.gguf";

std::map<std::string, double, std::less<>> sensitivities(
    const std::shared_ptr<const Model>& model, int threads,
    std::function<void(int64_t, int64_t)> on_step = {}) {
  base::ThreadPool pool(threads);
  SensitivityRequest request;
  request.model = model;
  request.tokens = drawn_tokens(*model, 16);
  request.importance = [](const TensorView&) { return Importance{}; };
  request.on_step = std::move(on_step);
  return measure_sensitivities(request, pool);
}

// [T, V]
std::vector<float> logits_of(const std::shared_ptr<const Model>& model) {
  const CalibrationTokens tokens = drawn_tokens(*model, 16);
  const auto engine = engine::make_cpu_engine(model, {});
  const int64_t vocabulary = model->config().vocab_size;
  std::vector<int> rows;
  for (int i = 0; i < tokens.count(); ++i) rows.push_back(i);
  std::vector<float> out(static_cast<size_t>(tokens.count() * vocabulary));
  const Slice slice{engine->create(), tokens.of(0), rows};
  engine->forward({&slice, 1}, {out.data(), tokens.count(), vocabulary, vocabulary});
  return out;
}

// The model's file with one of its matrices rounded to Q4_0, and what that took of it.
std::shared_ptr<const Model> rounded(const Model& model, const TensorView& matrix,
                                     double& squared_error) {
  std::string bytes = test::read_text(test::golden(kModel));
  const std::string own(reinterpret_cast<const char*>(matrix.bytes.data()), matrix.bytes.size());
  const size_t at = bytes.find(own);
  REQUIRE(at != std::string::npos);
  const auto columns = static_cast<size_t>(matrix.columns());
  std::vector<float> row(columns), decoded(columns);
  std::vector<std::byte> encoded(columns / 32 * 18);
  double sum = 0, error = 0;
  for (int64_t r = 0; r < matrix.rows(); ++r) {
    const size_t offset = static_cast<size_t>(r) * columns * sizeof(float);
    std::memcpy(row.data(), bytes.data() + at + offset, columns * sizeof(float));
    encode_row(DType::q4_0, row, {{}, false}, encoded.data(), decoded.data());
    for (size_t c = 0; c < columns; ++c) {
      sum += double{row[c]} * row[c];
      error += std::pow(double{row[c]} - double{decoded[c]}, 2);
    }
    std::memcpy(bytes.data() + at + offset, decoded.data(), columns * sizeof(float));
  }
  squared_error = error / sum;
  const std::string path = test::temporary_folder() + "/rounded.gguf";
  test::write_text(path, bytes);
  REQUIRE(model.config().vocab_size <= 1024);  // all of it is looked at
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
  const auto model = open_model(test::golden(kModel));
  const auto found = sensitivities(model, 2);
  const auto vocabulary = static_cast<size_t>(model->config().vocab_size);
  const std::vector<float> plain = logits_of(model);
  const Weights& weights = model->weights();
  for (const TensorView& matrix :
       {weights.layers[0].q, weights.layers[1].k, weights.layers[1].v, weights.layers[2].o,
        weights.layers[3].gate, weights.layers[4].up}) {
    INFO(matrix.name);
    double error = 0;
    const auto other = rounded(*model, matrix, error);
    const double want = half_variance(logits_of(other), plain, vocabulary) / error;
    REQUIRE(found.count(std::string(matrix.name)) == 1);
    // Differences of logits keep some four digits of their fp32.
    CHECK(std::fabs(found.at(std::string(matrix.name)) / want - 1) < 2e-3);
  }
  // Rows of 172 values do not fit Q4_0.
  CHECK(found.count("blk.0.ffn_down.weight") == 0);
  // The embedding, which is the head too: as the head alone it would be ½ E[z²].
  double squares = 0;
  for (const float z : plain) squares += double{z} * z / static_cast<double>(plain.size());
  CHECK(found.at("token_embd.weight") > squares / 2);
}

TEST_CASE("sensitivities do not depend on the number of threads, and can be stopped") {
  const auto model = open_model(test::golden(kModel));
  int64_t last = -1;
  const auto one = sensitivities(model, 1, [&](int64_t done, int64_t total) {
    CHECK(done == last + 1);
    CHECK(total >= done);
    last = done;
  });
  CHECK(last > 0);
  CHECK(one == sensitivities(model, 2));
  CHECK_THROWS_WITH(sensitivities(model, 1,
                                  [](int64_t done, int64_t) {
                                    if (done == 20) throw std::runtime_error("stopped");
                                  }),
                    "stopped");
}

}  // namespace nalar::quant
