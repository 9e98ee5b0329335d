// Kernels of training, GFLOPS of one thread's processor time: products per type and orientation,
// attention forward and backward.
//   train_bench [ISA]      NALAR_BENCH_TOKENS (1500), _OUT (1536), _IN (576)
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/train_kernels.h"
#include "kernels_support.h"

using namespace nalar;
using namespace nalar::kernels;

namespace {

int64_t setting(const char* variable, int64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoll(text);
}

double now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// Of the best run.
double gflops(double operations, const std::function<void()>& work) {
  double best = 1e30;
  work();
  const double begin = now();
  for (int runs = 0; runs < 5 || now() - begin < 0.3; ++runs) {
    const double start = now();
    work();
    best = std::min(best, now() - start);
  }
  return operations / best * 1e-9;
}

std::vector<float> normal(int64_t n) {
  test::Random random(1);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = random.normal();
  return v;
}

double product(Isa isa, ProductCall call, bool bf16 = false) {
  const TrainKernels& kernels = train_kernels(isa);
  const std::vector<float> a = normal(call.m * call.k);
  std::vector<float> c(static_cast<size_t>(call.m * call.n));
  const int64_t rows = call.b_transposed ? call.n : call.k;
  const int64_t columns = call.b_transposed ? call.k : call.n;
  const auto b = test::random_rows(call.b_type, test::Blocks::plain, rows, columns, 1);
  const auto run = bf16 ? kernels.bf16_product : kernels.product;
  const base::AlignedBuffer scratch(
      (bf16 ? kernels.bf16_product_scratch : kernels.product_scratch)(call.m, call.n, call.k));
  call.a = a.data();
  call.a_stride = call.a_transposed ? call.m : call.k;
  call.b = b.data();
  call.b_stride = static_cast<int64_t>(b.size()) / rows;
  call.c = c.data();
  call.c_stride = call.n;
  call.scratch = scratch.data();
  const double operations =
      2 * static_cast<double>(call.m) * static_cast<double>(call.n) * static_cast<double>(call.k);
  return gflops(operations, [&] { run(call); });
}

void attention(Isa isa, int64_t rows, int head_dim) {
  const TrainKernels& kernels = train_kernels(isa);
  const std::vector<float> x = normal(rows * head_dim);
  std::vector<float> out(x.size()), d_q(x.size()), d_k(x.size()), d_v(x.size());
  std::vector<float> log_sum(static_cast<size_t>(rows));
  const base::AlignedBuffer scratch(kernels.attention_scratch(rows, head_dim) * sizeof(float));
  const DocumentAttention call = {.rows = rows,
                                  .head_dim = head_dim,
                                  .scale = 0.1f,
                                  .q = x.data(),
                                  .k = x.data(),
                                  .v = x.data(),
                                  .q_stride = head_dim,
                                  .kv_stride = head_dim,
                                  .out = out.data(),
                                  .out_stride = head_dim,
                                  .log_sum = log_sum.data(),
                                  .d_out = x.data(),
                                  .d_q = d_q.data(),
                                  .d_k = d_k.data(),
                                  .d_v = d_v.data(),
                                  .scratch = scratch.as<float>()};
  // A product over all pairs of a row and an earlier one.
  const double pairs = static_cast<double>(rows) * static_cast<double>(rows + 1) / 2;
  const double operations = 2 * pairs * head_dim;
  const double forward = gflops(2 * operations, [&] { kernels.attention_forward(call); });
  const double backward = gflops(5 * operations, [&] { kernels.attention_backward(call); });
  fmt::print("{:10} attention {:5} x {:3} | forward {:6.1f} | backward {:6.1f} GFLOPS\n", name(isa),
             rows, head_dim, forward, backward);
}

void report(Isa isa) {
  const int64_t tokens = setting("NALAR_BENCH_TOKENS", 1500);
  const int64_t out = setting("NALAR_BENCH_OUT", 1536), in = setting("NALAR_BENCH_IN", 576);
  for (const DType type : test::kWeightTypes) {
    if (in % block_size(type).elements != 0) continue;
    for (const bool bf16 : {false, true}) {
      const double forward = product(
          isa, {.m = tokens, .n = out, .k = in, .b_type = type, .b_transposed = true}, bf16);
      const double backward = product(isa, {.m = tokens, .n = in, .k = out, .b_type = type}, bf16);
      fmt::print("{:10} {:7} in {} | x W^T {:6.1f} | dy W {:6.1f} GFLOPS\n", name(isa), name(type),
                 bf16 ? "bf16" : "fp32", forward, backward);
    }
  }
  constexpr int64_t kRank = 16;
  fmt::print(
      "{:10} rank {} | x A^T {:6.1f} | h B^T {:6.1f} | dy B {:6.1f} | dh^T x {:6.1f} GFLOPS\n",
      name(isa), kRank, product(isa, {.m = tokens, .n = kRank, .k = in, .b_transposed = true}),
      product(isa, {.m = tokens, .n = out, .k = kRank, .b_transposed = true}),
      product(isa, {.m = tokens, .n = kRank, .k = out}),
      product(isa, {.m = kRank, .n = in, .k = tokens, .a_transposed = true}));
  for (const int64_t rows : {50, 256, 2048}) {
    for (const int head_dim : {64, 128, 256}) attention(isa, rows, head_dim);
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (const Isa isa : available_isas()) {
    if (argc > 1 ? name(isa) == argv[1] : isa != Isa::scalar) report(isa);
  }
}
