#include <nalar/error.h>

#include <cmath>
#include <map>

#include "engine/layer_walk.h"
#include "engine_support.h"
#include "kernels/linear_kernels.h"
#include "memory_model.h"
#include "support/catch.h"

namespace nalar::engine::test {
namespace {

struct Recorder : LinearObserver {
  std::map<std::string, std::vector<float>> inputs;  // by tensor, all rows
  std::map<std::string, int64_t> rows;

  void linear_input(const TensorView& weight, MatrixView<const float> x) override {
    REQUIRE(x.columns == weight.columns());
    auto& list = inputs[std::string(weight.name)];
    for (int64_t r = 0; r < x.rows; ++r) list.insert(list.end(), x.row(r), x.row(r) + x.columns);
    rows[std::string(weight.name)] += x.rows;
  }
};

struct Thrower : LinearObserver {
  void linear_input(const TensorView&, MatrixView<const float>) override {
    throw Error(ErrorKind::io, "disk full");
  }
};

}  // namespace

TEST_CASE("the observer sees the inputs of every Linear, whatever the cut, and logits stay") {
  const auto model = make_memory_model(false);
  const Ids ids = random_ids(70, 300, 4);
  const auto engine = engine_of(model, {2, Compute::fp32, 512, kernels::chosen_isa()});
  const Logits want = forward_cut(*engine, ids, {});
  Recorder whole, cut;
  engine->observe(&whole);
  const Logits got = forward_cut(*engine, ids, {});
  CHECK(same_bits(got, want));
  engine->observe(&cut);
  forward_cut(*engine, ids, {1, 30, 2});
  engine->observe(nullptr);
  forward_cut(*engine, ids, {});

  CHECK(whole.inputs.size() == 3 * 7 + 1);
  for (const auto& [name, n] : whole.rows) CHECK(n == 70);
  CHECK((whole.inputs == cut.inputs));

  // The head's input times the head is the logits, but for the softcap.
  const TensorView& head = model->weights().head;
  const std::vector<float>& h = whole.inputs.at(std::string(head.name));
  std::vector<float> row(256);
  for (const int64_t id : {0, 7, 299}) {
    kernels::linear_kernels(kernels::Isa::scalar)
        .dequantize_row(head.dtype, head.bytes.data(), 300, 256, id, row.data());
    for (const size_t t : {0, 69}) {
      double sum = 0, absolute = 0;
      for (size_t i = 0; i < 256; ++i) {
        sum += double{h[t * 256 + i]} * row[i];
        absolute += std::fabs(double{h[t * 256 + i]} * row[i]);
      }
      const double capped = 20 * std::tanh(sum / 20);
      CHECK(std::fabs(want[t * 300 + static_cast<size_t>(id)] - capped) <=
            (256 * absolute + 10 * std::fabs(capped)) * 0x1p-24);
    }
  }
}

TEST_CASE("a walk layer by layer shows what a call shows, one text after the other") {
  const auto model = make_memory_model(false);
  const auto engine = engine_of(model, {2, Compute::automatic, 512, kernels::chosen_isa()});
  LayerWalk walk(model, 2, 70);
  CHECK(walk.n_layers() == 3);
  for (const int n : {70, 3, 40}) {
    INFO(n);
    const Ids ids = random_ids(n, 300, static_cast<unsigned>(n));
    Recorder want, got;
    engine->observe(&want);
    forward_cut(*engine, ids, {});
    std::vector<float> states(static_cast<size_t>(n) * 256);
    const MatrixView<float> x{states.data(), n, 256, 256};
    walk.embed(ids, x);
    for (int i = 0; i < 3; ++i) walk.layer(i, x, &got);
    walk.normalize(x);
    got.linear_input(model->weights().head, {x.data, x.rows, x.columns, x.stride});
    CHECK((want.inputs == got.inputs));
    engine->observe(nullptr);
  }
  std::vector<float> row(256);
  CHECK_THROWS_AS(walk.embed(Ids{300}, {row.data(), 1, 256, 256}), Error);
  Thrower thrower;
  CHECK_THROWS_WITH(walk.layer(0, {row.data(), 1, 256, 256}, &thrower), "disk full");
}

TEST_CASE("an observer's error ends the call and leaves the sequence") {
  const auto model = make_memory_model(true);
  const auto engine = engine_of(model, {2, Compute::fp32, 512, kernels::chosen_isa()});
  Thrower thrower;
  const SequenceId s = engine->create();
  const Ids ids = random_ids(40, 300, 4);
  const Logits want = forward_cut(*engine, ids, {});
  engine->observe(&thrower);
  CHECK_THROWS_WITH(forward(*engine, s, ids), "disk full");
  CHECK(engine->length(s) == 0);
  engine->observe(nullptr);
  CHECK(same_bits(forward(*engine, s, ids), want));
}

}  // namespace nalar::engine::test
