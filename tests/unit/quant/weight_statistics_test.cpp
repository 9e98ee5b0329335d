#include "quant/weight_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quant/source.h"
#include "support/catch.h"
#include "support/material.h"
#include "support/safetensors_builder.h"
#include "support/tiny_llama.h"

namespace nalar::quant {
namespace {

constexpr size_t kWidth = 32, kHeads = 4, kKvHeads = 2, kHeadDim = 8, kFeedForward = 48;

struct Tiny {
  std::shared_ptr<const Model> model;
  Source source;
  base::ThreadPool pool{2};

  Tiny() {
    const std::string path = test::temporary_folder() + "/model.gguf";
    test::write_text(path, test::tiny_llama().bytes());
    model = open_model(path);
    source = gguf_source(model->shared_files());
  }
  SourceTensor& tensor(const std::string& name) {
    return *std::find_if(source.tensors.begin(), source.tensors.end(),
                         [&](const SourceTensor& t) { return t.model_name == name; });
  }
  void set(const std::string& name, const std::vector<float>& row) {
    tensor(name).read = [row](int64_t, std::span<float> out) {
      std::copy(row.begin(), row.end(), out.begin());
    };
  }
  std::vector<float> row(const std::string& name, size_t r) {
    std::vector<float> out(static_cast<size_t>(tensor(name).columns()));
    tensor(name).read(static_cast<int64_t>(r), out);
    return out;
  }
  double energy(const std::string& name, size_t r, const std::vector<float>& gains) {
    const std::vector<float> w = row(name, r);
    double sum = 0;
    for (size_t c = 0; c < w.size(); ++c) sum += std::pow(double{w[c]} * gains[c], 2);
    return sum;
  }
  std::vector<float> importance(const std::string& matrix) {
    WeightStatistics statistics(*model, source, pool);
    const auto of = statistics.importance(matrix);
    return {of.begin(), of.end()};
  }
};

std::vector<float> gains(float first) {
  std::vector<float> out(kWidth);
  for (size_t i = 0; i < kWidth; ++i)
    out[i] = (i % 2 ? -1.0f : 1.0f) * (first + 0.1f * static_cast<float>(i));
  return out;
}

// In proportion, the largest 1.
void check(const std::vector<float>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  const double most = *std::max_element(expected.begin(), expected.end());
  for (size_t c = 0; c < found.size(); ++c) {
    CAPTURE(c);
    CHECK(std::fabs(double{found[c]} - expected[c] / most) < 1e-6);
  }
}

}  // namespace

TEST_CASE(
    "Inputs of a norm's matrices are told by its gains, of the others by the rows they come from") {
  Tiny tiny;
  const std::vector<float> attention = gains(0.5f), feed_forward = gains(1.5f), last = gains(3);
  tiny.set("blk.0.attn_norm.weight", attention);
  tiny.set("blk.0.ffn_norm.weight", feed_forward);
  tiny.set("output_norm.weight", last);
  const auto squares = [](const std::vector<float>& x) {
    std::vector<double> out;
    for (const float v : x) out.push_back(double{v} * v);
    return out;
  };
  for (const char* matrix : {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight"}) {
    check(tiny.importance(matrix), squares(attention));
  }
  for (const char* matrix : {"blk.0.ffn_gate.weight", "blk.0.ffn_up.weight"}) {
    check(tiny.importance(matrix), squares(feed_forward));
  }
  check(tiny.importance(std::string(tiny.model->weights().head.name)), squares(last));
  std::vector<double> values, gated;
  for (size_t n = 0; n < kHeads; ++n) {
    for (size_t h = 0; h < kHeadDim; ++h) {
      const size_t row = n / (kHeads / kKvHeads) * kHeadDim + h;
      values.push_back(tiny.energy("blk.0.attn_v.weight", row, attention));
    }
  }
  check(tiny.importance("blk.0.attn_output.weight"), values);
  for (size_t c = 0; c < kFeedForward; ++c) {
    gated.push_back(tiny.energy("blk.0.ffn_gate.weight", c, feed_forward) *
                    tiny.energy("blk.0.ffn_up.weight", c, feed_forward));
  }
  check(tiny.importance("blk.0.ffn_down.weight"), gated);
}

TEST_CASE("Weights that tell nothing give no importance") {
  Tiny tiny;
  CHECK(tiny.importance("blk.0.attn_norm.weight").empty());
  CHECK(tiny.importance("no such matrix").empty());
  tiny.set("blk.0.ffn_norm.weight", std::vector<float>(kWidth, 0));
  CHECK(tiny.importance("blk.0.ffn_up.weight").empty());
  CHECK(tiny.importance("blk.0.ffn_down.weight").empty());
  std::vector<float> broken(kWidth, 1);
  broken[3] = std::numeric_limits<float>::quiet_NaN();
  tiny.set("blk.0.attn_v.weight", broken);
  CHECK(tiny.importance("blk.0.attn_output.weight").empty());
  CHECK(tiny.importance("blk.0.attn_q.weight").size() == kWidth);
}

TEST_CASE("Gains of a model that norms what its branches add tell nothing") {
  for (const auto& [name, tells] : {std::pair("gemma3", false), std::pair("qwen3", true)}) {
    CAPTURE(name);
    const auto model = open_model(test::golden("models/" + std::string(name) + ".gguf"));
    const Source source = gguf_source(model->shared_files());
    base::ThreadPool pool(1);
    WeightStatistics statistics(*model, source, pool);
    for (const SourceTensor& tensor : source.tensors) {
      const bool empty = statistics.importance(tensor.model_name).empty();
      if (!tells) CHECK(empty);
      if (tells && tensor.shape.size() == 2 && tensor.name.starts_with("blk.")) CHECK_FALSE(empty);
    }
  }
}

}  // namespace nalar::quant
