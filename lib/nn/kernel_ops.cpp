#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "kernels/train_kernels.h"
#include "kernels/vector_kernels.h"
#include "nn/ops.h"

namespace nalar::nn {
namespace {

using kernels::ProductCall;

float* data(const at::Tensor& t) { return t.data_ptr<float>(); }

// A matrix or the transposed view of one.
struct Operand {
  explicit Operand(const at::Tensor& t)
      : values(data(t)), stride(t.stride(t.stride(1) == 1 ? 0 : 1)), transposed(t.stride(1) != 1) {}
  const float* values;
  int64_t stride;
  bool transposed;
};

// fp32 on the CPU; products with a model's matrices in fp32 or bf16, their sums and results in
// fp32, and LoRA's small ones in fp32 always. Work is cut so that a result does not depend on how:
// products over rows or columns of C, attention over documents and kv heads, the rest over rows.
class KernelOps final : public Ops {
 public:
  KernelOps(int threads, bool bf16)
      : Ops(at::kCPU, at::kFloat),
        bf16_(bf16),
        train_(kernels::train_kernels(kernels::chosen_isa())),
        vector_(kernels::vector_kernels(kernels::chosen_isa())),
        pool_(threads),
        scratch_(static_cast<size_t>(threads)) {}

  void parallel(int64_t n, const std::function<void(int64_t, int64_t)>& fn) const override {
    pool_.run([&](int thread) {
      const base::Range own = base::share(n, thread, pool_.size());
      if (own.begin < own.end) fn(own.begin, own.end);
    });
  }

  int64_t place(Matrix&) const override { return 0; }  // products read the file's rows

  void multiply(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b, double alpha,
                bool accumulate) const override {
    multiply(c, a, b, alpha, accumulate, false);
  }
  void product(const at::Tensor& y, const at::Tensor& x, const Matrix& w,
               bool accumulate) const override {
    multiply_matrix(y, x, w, true, accumulate);
  }
  void product_backward(const at::Tensor& dx, const at::Tensor& dy, const Matrix& w,
                        bool accumulate) const override {
    multiply_matrix(dx, dy, w, false, accumulate);
  }

  void add_bias(const at::Tensor& y, const at::Tensor& b) const override;
  void bias_backward(const at::Tensor& db, const at::Tensor& dy) const override;
  void add(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b) const override {
    element_wise(out, a, b, [](float x, float y) { return x + y; });
  }
  void mask(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b) const override {
    element_wise(out, a, b, [](float x, float y) { return x * y; });
  }

  void rms_norm(const at::Tensor& y, const at::Tensor& x, const at::Tensor& w,
                float eps) const override;
  void rms_norm_backward(const NormGradient& gradient, const at::Tensor& dy, const at::Tensor& x,
                         const at::Tensor& w, float eps) const override;

  void rope(const at::Tensor& x, const RopeTable& table, std::span<const int32_t> positions,
            int head_dim, bool back) const override;

  void gated(const at::Tensor& h, const at::Tensor& gate, const at::Tensor& up,
             Activation activation) const override;
  void gated_backward(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& dh,
                      Activation activation) const override;

  void attention(const AttentionRows& rows) const override { attend(rows, nullptr); }
  void attention_backward(const AttentionRows& rows, const at::Tensor& d_out, const at::Tensor& dq,
                          const at::Tensor& dk, const at::Tensor& dv) const override {
    const Gradients gradients{data(d_out), data(dq), data(dk), data(dv)};
    std::memset(gradients.k, 0, dk.nbytes());
    std::memset(gradients.v, 0, dv.nbytes());
    attend(rows, &gradients);
  }

  double cross_entropy(const at::Tensor& logits, std::span<const int32_t> labels, float softcap,
                       float weight) const override;

  void gather(const at::Tensor& out, const at::Tensor& x,
              std::span<const int32_t> rows) const override;
  void scatter(const at::Tensor& x, const at::Tensor& out,
               std::span<const int32_t> rows) const override;

 private:
  struct Gradients {
    const float* out;
    float *q, *k, *v;
  };

  void multiply_matrix(const at::Tensor& c, const at::Tensor& a, const Matrix& w, bool transposed,
                       bool accumulate) const;
  void multiply(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b, double alpha,
                bool accumulate, bool bf16) const;
  void run(const ProductCall& call, bool bf16) const;
  void attend(const AttentionRows& rows, const Gradients* gradients) const;
  std::byte* scratch(int thread, size_t bytes) const;

  // fn(i, thread) for i in [0, n): the next one for whoever is free.
  template <typename F>
  void for_each(int64_t n, F&& fn) const {
    std::atomic<int64_t> next{0};
    pool_.run([&](int thread) {
      for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) fn(i, thread);
    });
  }
  template <typename F>
  void element_wise(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, F&& fn) const {
    float* const o = data(out);
    const float *const x = data(a), *const y = data(b);
    parallel(out.numel(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) o[i] = fn(x[i], y[i]);
    });
  }

  const bool bf16_;
  const kernels::TrainKernels& train_;
  const kernels::VectorKernels& vector_;
  mutable base::ThreadPool pool_;
  mutable std::vector<base::AlignedBuffer> scratch_;  // of each thread
};

// Grows to what was wanted most, before work starts.
std::byte* KernelOps::scratch(int thread, size_t bytes) const {
  base::AlignedBuffer& buffer = scratch_[static_cast<size_t>(thread)];
  if (buffer.size() < bytes) buffer = base::AlignedBuffer(bytes);
  return buffer.data();
}

void KernelOps::multiply(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b,
                         double alpha, bool accumulate, bool bf16) const {
  // Of a tall product the wide one's transpose: packing a transposed A is dear.
  if (a.stride(1) != 1 && c.size(0) > c.size(1)) {
    const at::Tensor turned = at::empty({c.size(1), c.size(0)}, c.options());
    multiply(turned, b.t(), a.t(), alpha, false, bf16);
    accumulate ? c.add_(turned.t()) : c.copy_(turned.t());
    return;
  }
  const Operand left(a), right(b);
  ProductCall call;
  call.a = left.values, call.a_stride = left.stride, call.a_transposed = left.transposed;
  call.b = reinterpret_cast<const std::byte*>(right.values);
  call.b_stride = right.stride * static_cast<int64_t>(sizeof(float));
  call.b_transposed = right.transposed;
  call.c = data(c), call.c_stride = c.stride(0);
  call.m = c.size(0), call.n = c.size(1), call.k = a.size(1);
  call.alpha = static_cast<float>(alpha);
  call.accumulate = accumulate;
  run(call, bf16);
}

// c (+)= a W^T, or a W.
void KernelOps::multiply_matrix(const at::Tensor& c, const at::Tensor& a, const Matrix& w,
                                bool transposed, bool accumulate) const {
  if (w.trained != nullptr) {
    const at::Tensor& value = w.trained->value;
    return multiply(c, a, transposed ? value.t() : value, 1, accumulate, bf16_);
  }
  ProductCall call;
  call.a = data(a), call.a_stride = a.stride(0);
  call.b_type = w.view.dtype;
  call.b = w.view.bytes.data();
  call.b_stride = static_cast<int64_t>(w.view.bytes.size()) / w.out();
  call.b_transposed = transposed;
  call.c = data(c), call.c_stride = c.stride(0);
  call.m = c.size(0), call.n = c.size(1), call.k = a.size(1);
  call.accumulate = accumulate;
  run(call, bf16_);
}

// Columns of C are shared out, in pieces of whole blocks; rows where columns are few.
void KernelOps::run(const ProductCall& call, bool bf16) const {
  const int64_t unit = std::max<int64_t>(32, block_size(call.b_type).elements);
  const bool by_columns = call.n >= 2 * unit * pool_.size();
  const int64_t n = by_columns ? call.n : call.m;
  const int64_t least = by_columns ? 512 : 144;  // columns or rows that are worth a piece
  const int64_t pieces = pool_.size() * std::clamp<int64_t>(n / (least * pool_.size()), 1, 4);
  const auto product = bf16 ? train_.bf16_product : train_.product;
  const size_t bytes =
      (bf16 ? train_.bf16_product_scratch : train_.product_scratch)(call.m, call.n, call.k);
  for (int t = 0; t < pool_.size(); ++t) scratch(t, bytes);
  for_each(pieces, [&](int64_t i, int thread) {
    const base::Range part =
        base::share(n, static_cast<int>(i), static_cast<int>(pieces), by_columns ? unit : 12);
    if (part.begin == part.end) return;
    ProductCall own = call;
    if (!by_columns) {
      own.m = part.end - part.begin;
      own.a += part.begin * (call.a_transposed ? 1 : call.a_stride);
      own.c += part.begin * call.c_stride;
    } else {
      own.n = part.end - part.begin;
      if (call.b_transposed) {
        own.b += part.begin * call.b_stride;
      } else {
        own.b_column += part.begin;
      }
      own.c += part.begin;
    }
    own.scratch = scratch(thread, bytes);
    product(own);
  });
}

void KernelOps::add_bias(const at::Tensor& y, const at::Tensor& b) const {
  const int64_t n = y.size(1);
  parallel(y.size(0), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) vector_.add(data(b), n, data(y) + t * n);
  });
}

void KernelOps::bias_backward(const at::Tensor& db, const at::Tensor& dy) const {
  const int64_t n = dy.size(1);
  parallel(n, [&](int64_t begin, int64_t end) {
    for (int64_t t = 0; t < dy.size(0); ++t) {
      vector_.add(data(dy) + t * n + begin, end - begin, data(db) + begin);
    }
  });
}

void KernelOps::rms_norm(const at::Tensor& y, const at::Tensor& x, const at::Tensor& w,
                         float eps) const {
  const int64_t n = w.numel();
  parallel(x.numel() / n, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      vector_.rms_norm(data(x) + t * n, data(w), eps, n, data(y) + t * n);
    }
  });
}

void KernelOps::rms_norm_backward(const NormGradient& gradient, const at::Tensor& dy,
                                  const at::Tensor& x, const at::Tensor& w, float eps) const {
  const int64_t n = w.numel(), rows = x.numel() / n;
  float* const dw = gradient.dw.defined() ? data(gradient.dw) : nullptr;
  const auto some = [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      train_.rms_norm_backward(data(dy) + t * n, data(x) + t * n, data(w), eps, n,
                               data(gradient.dx) + t * n, !gradient.accumulate, dw);
    }
  };
  // dw is a sum over rows, in their order.
  dw == nullptr ? parallel(rows, some) : some(0, rows);
}

void KernelOps::rope(const at::Tensor& x, const RopeTable& table,
                     std::span<const int32_t> positions, int head_dim, bool back) const {
  const auto rotate = table.style == RopeStyle::half ? vector_.rope_half : vector_.rope_interleaved;
  const float *const cos = data(table.cos), *const sin = data(back ? table.minus_sin : table.sin);
  const int64_t width = x.size(1), half = table.rope_dim / 2;
  parallel(x.size(0), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t at = positions[static_cast<size_t>(t)] * half;
      rotate(data(x) + t * width, static_cast<int>(width / head_dim), head_dim,
             static_cast<int>(table.rope_dim), cos + at, sin + at);
    }
  });
}

void KernelOps::gated(const at::Tensor& h, const at::Tensor& gate, const at::Tensor& up,
                      Activation activation) const {
  const auto act_mul = activation == Activation::silu        ? vector_.silu_mul
                       : activation == Activation::gelu_tanh ? vector_.gelu_tanh_mul
                                                             : vector_.gelu_mul;
  const int64_t n = h.size(1);
  parallel(h.size(0), [&](int64_t begin, int64_t end) {
    act_mul(data(gate) + begin * n, data(up) + begin * n, (end - begin) * n, data(h) + begin * n);
  });
}

void KernelOps::gated_backward(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& dh,
                               Activation activation) const {
  const auto backward = activation == Activation::silu        ? train_.silu_mul_backward
                        : activation == Activation::gelu_tanh ? train_.gelu_tanh_mul_backward
                                                              : train_.gelu_mul_backward;
  const int64_t n = dh.size(1);
  parallel(dh.size(0), [&](int64_t begin, int64_t end) {
    float *const g = data(gate) + begin * n, *const u = data(up) + begin * n;
    backward(data(dh) + begin * n, g, u, (end - begin) * n, g, u);
  });
}

// One unit is a document and a kv head: its query heads one after the other, since they add to the
// same gradients of k and v. The longest documents go first.
void KernelOps::attend(const AttentionRows& rows, const Gradients* gradients) const {
  const AttentionSpec& spec = rows.spec;
  const auto n_documents = static_cast<int64_t>(rows.documents.size()) - 1;
  const auto length = [&](int64_t d) {
    return int64_t{rows.documents[static_cast<size_t>(d) + 1] -
                   rows.documents[static_cast<size_t>(d)]};
  };
  std::vector<int64_t> order(static_cast<size_t>(n_documents));
  for (size_t d = 0; d < order.size(); ++d) order[d] = static_cast<int64_t>(d);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return length(a) > length(b); });
  const size_t bytes = train_.attention_scratch(length(order[0]), spec.head_dim) * sizeof(float);
  for (int t = 0; t < pool_.size(); ++t) scratch(t, bytes);

  const int64_t total = rows.q.size(0), group = spec.n_heads / spec.n_kv_heads;
  const int64_t q_stride = rows.q.size(1), kv_stride = rows.k.size(1);
  for_each(n_documents * spec.n_kv_heads, [&](int64_t unit, int thread) {
    const int64_t d = order[static_cast<size_t>(unit / spec.n_kv_heads)];
    const int64_t kv_head = unit % spec.n_kv_heads, start = rows.documents[static_cast<size_t>(d)];
    const int64_t kv = start * kv_stride + kv_head * spec.head_dim;
    kernels::DocumentAttention call;
    call.rows = length(d);
    call.head_dim = spec.head_dim;
    call.scale = spec.scale, call.softcap = spec.softcap, call.window = spec.window;
    call.k = data(rows.k) + kv, call.v = data(rows.v) + kv;
    call.q_stride = call.out_stride = q_stride, call.kv_stride = kv_stride;
    call.scratch = reinterpret_cast<float*>(scratch(thread, bytes));
    for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      const int64_t q = start * q_stride + head * spec.head_dim;
      call.q = data(rows.q) + q, call.out = data(rows.out) + q;
      call.log_sum = data(rows.log_sum) + head * total + start;
      if (gradients == nullptr) {
        train_.attention_forward(call);
        continue;
      }
      call.d_out = gradients->out + q, call.d_q = gradients->q + q;
      call.d_k = gradients->k + kv, call.d_v = gradients->v + kv;
      train_.attention_backward(call);
    }
  });
}

double KernelOps::cross_entropy(const at::Tensor& logits, std::span<const int32_t> labels,
                                float softcap, float weight) const {
  const int64_t n = logits.size(1);
  std::vector<double> losses(labels.size());
  for_each(logits.size(0), [&](int64_t t, int) {
    const auto at = static_cast<size_t>(t);
    losses[at] = train_.cross_entropy(data(logits) + t * n, n, labels[at], softcap, weight);
  });
  double sum = 0;
  for (const double loss : losses) sum += loss;
  return sum;
}

void KernelOps::gather(const at::Tensor& out, const at::Tensor& x,
                       std::span<const int32_t> rows) const {
  const int64_t n = x.size(1);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(data(x) + rows[i] * n, n, data(out) + static_cast<int64_t>(i) * n);
  }
}

void KernelOps::scatter(const at::Tensor& x, const at::Tensor& out,
                        std::span<const int32_t> rows) const {
  const int64_t n = x.size(1);
  std::memset(data(x), 0, x.nbytes());
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(data(out) + static_cast<int64_t>(i) * n, n, data(x) + rows[i] * n);
  }
}

}  // namespace

std::unique_ptr<Ops> make_kernel_ops(int threads, bool bf16) {
  at::set_num_threads(1);  // LibTorch's own threads would spin beside ours
  return std::make_unique<KernelOps>(threads, bf16);
}

}  // namespace nalar::nn
