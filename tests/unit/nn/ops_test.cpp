#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "memory_model.h"
#include "nn/dequantize.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn_support.h"
#include "support/catch.h"

namespace nalar::nn::test {
namespace {

std::vector<TensorView> matrices(const Model& model) {
  const Weights& w = model.weights();
  std::vector<TensorView> all = {w.embedding, w.head};
  for (const LayerWeights& l : w.layers) {
    for (const TensorView* v : {&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down}) all.push_back(*v);
  }
  return all;
}

}  // namespace

TEST_CASE("whole-tensor operators expand quantized rows as the kernels do") {
  const auto model = engine::test::make_memory_model(false);
  std::vector<DType> seen;
  for (const TensorView& view : matrices(*model)) {
    if (!has_device_form(view.dtype)) continue;
    seen.push_back(view.dtype);
    INFO(name(view.dtype));
    const at::Tensor want = at::empty({view.rows(), view.columns()}, at::kFloat);
    read_all(view, {want.data_ptr<float>(), static_cast<size_t>(want.numel())});
    const at::Tensor bytes = at::from_blob(const_cast<std::byte*>(view.bytes.data()),
                                           {static_cast<int64_t>(view.bytes.size())}, at::kByte);
    const at::Tensor got = dequantize(view.dtype, bytes, view.rows(), view.columns());
    // d · q - m in two roundings instead of one.
    const double bound = 1e-6 * want.abs().max().item<double>();
    CHECK((got - want).abs().max().item<double>() <= bound);
  }
  for (const DType type : {DType::q4_0, DType::q4_1, DType::q8_0, DType::q4_k, DType::q6_k}) {
    CHECK(std::find(seen.begin(), seen.end(), type) != seen.end());
  }
}

TEST_CASE("a mask drops its share, and knows document, row and module") {
  const auto ops = make_aten_ops(at::kCPU, at::kFloat, 1);
  const Scratch scratch;
  const int64_t rows = 400, columns = 50;
  std::vector<int64_t> keys(rows, 7);
  std::vector<int32_t> positions(rows);
  std::iota(positions.begin(), positions.end(), 0);
  const auto draw = [&](uint64_t seed, uint64_t update, uint64_t module) {
    const at::Tensor mask = at::empty({rows, columns}, at::kFloat);
    const Pass pass{*ops, scratch, {}, {keys, positions}, DropoutSeed{seed, update}};
    draw_mask(pass, module, 0.2, mask);
    return mask;
  };
  const at::Tensor mask = draw(1, 2, 3);
  const double dropped = (mask == 0).sum().item<double>() / static_cast<double>(rows * columns);
  CHECK(dropped == Approx(0.2).margin(4 * std::sqrt(0.16 / (rows * columns))));  // 4 σ
  CHECK(mask.max().item<float>() == 1.25f);
  CHECK(mask.equal(draw(1, 2, 3)));
  for (const at::Tensor& other : {draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4)}) {
    CHECK_FALSE(mask.equal(other));
  }
  positions.assign(rows, 5);
  CHECK(draw(1, 2, 3)[0].equal(mask[5]));
  keys.assign(rows, 8);
  CHECK_FALSE(draw(1, 2, 3)[0].equal(mask[5]));
}

// Sums of a few hundred products of numbers near 1, in another order.
TEST_CASE("every operator of the kernels gives what ATen gives") {
  const auto kernel = make_kernel_ops(2), aten = make_aten_ops(at::kCPU, at::kFloat, 1);
  const auto check = [&](const std::function<at::Tensor(const Ops&)>& run) {
    const at::Tensor a = run(*kernel), b = run(*aten);
    CHECK((a - b).abs().max().item<float>() <= 2e-5f * b.abs().max().item<float>());
  };
  const auto random = [](std::vector<int64_t> shape) {
    return at::empty(shape, at::kFloat).normal_();
  };
  const int64_t rows = 60;
  const at::Tensor x = random({rows, 96}), y = random({rows, 96}), w = random({96});

  SECTION("products, transposed or not") {
    const at::Tensor c = random({96, 96}), d = random({rows, 3});
    check([&](const Ops& ops) {
      const at::Tensor out = c.clone();
      ops.multiply(out, x.t(), y, 0.5, true);
      return out;
    });
    check([&](const Ops& ops) {
      const at::Tensor out = at::empty({rows, 96}, at::kFloat);
      ops.multiply(out, d, random({96, 3}).fill_(0.25).t(), 2, false);
      return out;
    });
    check([&](const Ops& ops) {
      const at::Tensor out = at::empty({96, 3}, at::kFloat);
      ops.multiply(out, y.t(), d, 1, false);
      return out;
    });
  }
  SECTION("activations") {
    for (const Activation act : {Activation::silu, Activation::gelu, Activation::gelu_tanh}) {
      check([&](const Ops& ops) {
        const at::Tensor out = at::empty_like(x);
        ops.gated(out, x, y, act);
        return out;
      });
      for (const bool up : {false, true}) {
        check([&](const Ops& ops) {
          const at::Tensor g = x.clone(), u = y.clone();
          ops.gated_backward(g, u, x + y, act);
          return up ? u : g;
        });
      }
    }
  }
  SECTION("norms, of heads too") {
    for (const at::Tensor& weight : {w, w.narrow(0, 0, 32).contiguous()}) {
      check([&](const Ops& ops) {
        const at::Tensor out = at::empty_like(x);
        ops.rms_norm(out, x, weight, 1e-5f);
        return out;
      });
      for (const bool accumulate : {false, true}) {
        check([&](const Ops& ops) {
          const at::Tensor dx = y.clone(), dw = weight.clone();
          ops.rms_norm_backward({dx, accumulate, dw}, accumulate ? x : dx, x * 2, weight, 1e-5f);
          return at::cat({dx.flatten(), dw});
        });
      }
    }
  }
  SECTION("attention with windows, caps and groups") {
    for (const int window : {0, 7}) {
      for (const float cap : {0.0f, 3.0f}) {
        const AttentionSpec spec = {6, 2, 16, 0.3f, window, cap, false, false, {}, {}};
        const std::vector<int32_t> documents = {0, 1, 20, 60};
        const at::Tensor k = random({rows, 32}), v = random({rows, 32});
        check([&](const Ops& ops) {
          const at::Tensor out = at::empty_like(x), sums = at::empty({6, rows}, at::kFloat);
          const at::Tensor dq = at::empty_like(x), dk = at::empty_like(k), dv = at::empty_like(v);
          const AttentionRows call{spec, documents, x, k, v, out, sums};
          ops.attention(call);
          ops.attention_backward(call, y, dq, dk, dv);
          return at::cat({out, dq, dk, dv}, 1);
        });
      }
    }
  }
  SECTION("cross-entropy") {
    std::vector<int32_t> labels(static_cast<size_t>(rows), 5);
    for (const float cap : {0.0f, 2.0f}) {
      for (const float weight : {0.0f, 0.5f}) {
        check([&](const Ops& ops) {
          const at::Tensor logits = x * 3;
          const double loss = ops.cross_entropy(logits, labels, cap, weight);
          return at::cat({logits.flatten(), at::full({1}, loss, at::kFloat)});
        });
      }
    }
  }
}

TEST_CASE("in bf16 what LoRA adds is in the sum before that is rounded") {
  const auto ops = make_aten_ops(at::kCPU, at::kBFloat16, 1);
  const int64_t rows = 256, in = 96, out = 512, rank = 4;
  const auto random = [](std::vector<int64_t> shape) {
    return at::empty(shape, at::kFloat).normal_();
  };
  const at::Tensor w = random({out, in}), x = random({rows, in}).to(at::kBFloat16);
  TensorView view;
  view.dtype = DType::f32;
  view.shape = {out, in};
  view.bytes = {static_cast<const std::byte*>(w.data_ptr()), w.nbytes()};
  Matrix matrix{view, nullptr, {}};
  ops->place(matrix);
  const Trained a{random({rank, in}), {}}, b{random({out, rank}), {}};
  const double scale = 2e-4;  // a twentieth of the step from one bf16 near 10 to the next

  Arena arena(at::kCPU);
  const Buffer kept = arena.take(rows * rank, ops->wide);
  const Scratch scratch;
  const Pass pass{*ops, scratch, {}, {}, {}};
  const at::Tensor base = at::empty({rows, out}, at::kBFloat16), adapted = at::empty_like(base);
  Linear(matrix, {}, {}).forward(pass, x, base, {});
  Linear(matrix, {}, Lora{&a, &b, scale, rank}).forward(pass, x, adapted, kept);

  const at::Tensor added = (adapted.to(at::kFloat) - base.to(at::kFloat)).flatten();
  const at::Tensor want =
      (x.to(at::kFloat).matmul(a.value.t()).matmul(b.value.t()) * scale).flatten();
  // How much of it is there, over 2^17 sums whose roundings are some ten times as large.
  const double share = (added.dot(want) / want.dot(want)).item<double>();
  CHECK(share == Approx(1).margin(4 * 10.0 / 362));
}

// What a kernel may differ by from products in double of the rounded operands is fp32's rounding of
// a sum: each of the k steps errs by at most 2^-24 of the sum of magnitudes.
TEST_CASE("products with a model's matrix are made of bf16 numbers where wanted, LoRA's of fp32") {
  const auto ops = make_kernel_ops(2, true);
  const int64_t rows = 70, in = 96, out = 160;
  const auto random = [](std::vector<int64_t> shape) {
    return at::empty(shape, at::kFloat).normal_();
  };
  const auto rounded = [](const at::Tensor& t) { return t.to(at::kBFloat16).to(at::kDouble); };
  const auto near = [](const at::Tensor& got, const at::Tensor& a, const at::Tensor& b) {
    const at::Tensor bound = a.abs().matmul(b.abs()) * (static_cast<double>(a.size(1)) * 0x1p-24);
    return ((got.to(at::kDouble) - a.matmul(b)).abs() <= bound).all().item<bool>();
  };
  const at::Tensor w = random({out, in}), x = random({rows, in}), dy = random({rows, out});
  TensorView view;
  view.dtype = DType::f32;
  view.shape = {out, in};
  view.bytes = {static_cast<const std::byte*>(w.data_ptr()), w.nbytes()};
  const Trained trained{w, {}};
  for (const Matrix& matrix : {Matrix{view, nullptr, {}}, Matrix{view, &trained, {}}}) {
    const at::Tensor y = at::empty({rows, out}, at::kFloat), dx = at::empty_like(x);
    ops->product(y, x, matrix, false);
    CHECK(near(y, rounded(x), rounded(w).t()));
    ops->product_backward(dx, dy, matrix, false);
    CHECK(near(dx, rounded(dy), rounded(w)));
  }
  const at::Tensor y = at::empty({rows, out}, at::kFloat);
  ops->multiply(y, x, w.t(), 1, false);
  CHECK(near(y, x.to(at::kDouble), w.t().to(at::kDouble)));
}

// bf16 logits are numbers like others: what is made of them is rounded to fp32, and once to bf16.
TEST_CASE("cross-entropy of bf16 logits is summed in fp32") {
  const auto half = make_aten_ops(at::kCPU, at::kBFloat16, 1);
  const auto wide = make_aten_ops(at::kCPU, at::kDouble, 1);
  const std::vector<int32_t> labels = {5, 1, 200, 17};
  const at::Tensor logits = (at::empty({4, 300}, at::kFloat).normal_() * 4).to(at::kBFloat16);
  for (const float cap : {0.0f, 8.0f}) {
    const at::Tensor got = logits.clone(), want = logits.to(at::kDouble);
    const double expected = wide->cross_entropy(want, labels, cap, 0.5f);
    CHECK(half->cross_entropy(got, labels, cap, 0.5f) == Approx(expected).epsilon(1e-5));
    const at::Tensor error = (got.to(at::kDouble) - want).abs();
    CHECK((error <= want.abs() * 0x1p-8 + 1e-8).all().item<bool>());
  }
}

}  // namespace nalar::nn::test
