#pragma once

#include <ATen/core/Tensor.h>
#include <nalar/model_config.h>
#include <nalar/tensor.h>

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "nn/parameters.h"

// The operators of the transformer, each as a forward and a backward half: what is kept between
// them is an argument. Dimension letters: T rows, D d_model, N query heads, K kv heads, H head_dim,
// F d_ff, V vocabulary, R rank.
namespace nalar::nn {

// A Linear's matrix [out, in]: frozen, as it lies in its mapped file, or trained.
struct Matrix {
  TensorView view;                   // of the file
  const Trained* trained = nullptr;  // in place of it
  at::Tensor placed;                 // what Ops::place made of the view, if anything

  int64_t out() const { return view.rows(); }
  int64_t in() const { return view.columns(); }
};

// cos and sin of every position [P, rope_dim / 2]; minus_sin turns the other way.
struct RopeTable {
  RopeStyle style = RopeStyle::half;
  int64_t rope_dim = 0;
  at::Tensor cos, sin, minus_sin;
};

// Rows [first, last) of each document attend to rows before them in the same document.
struct AttentionRows {
  const AttentionSpec& spec;
  std::span<const int32_t> documents;  // first row of each, then T
  at::Tensor q, k, v;                  // [T, N * H] [T, K * H] [T, K * H]
  at::Tensor out;                      // [T, N * H]
  at::Tensor log_sum;                  // [N, T] log of the softmax's denominator
};

// Of one type of numbers on one device. `work` is the type of products and activations, `wide` that
// of the residual stream, of parameters and of sums: fp32, or f64 where work is. Results are
// overwritten unless said otherwise; they may not overlap operands unless said so.
class Ops {
 public:
  Ops(at::Device device_, at::ScalarType work_)
      : device(device_), work(work_), wide(work_ == at::kDouble ? at::kDouble : at::kFloat) {}
  virtual ~Ops() = default;

  const at::Device device;
  const at::ScalarType work, wide;

  // fn(begin, end) over parts of n, by the threads of the host.
  virtual void parallel(int64_t n, const std::function<void(int64_t, int64_t)>& fn) const = 0;

  // Makes a frozen matrix ready. Returns the bytes that it took besides the file's.
  virtual int64_t place(Matrix& matrix) const = 0;

  // c (+)= alpha · a b, summed in `wide`; the operands may be transposed views.
  virtual void multiply(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b, double alpha,
                        bool accumulate) const = 0;
  // y (+)= x W^T, rounded once; x [T, in], y [T, out]
  virtual void product(const at::Tensor& y, const at::Tensor& x, const Matrix& w,
                       bool accumulate) const = 0;
  // dx (+)= dy W
  virtual void product_backward(const at::Tensor& dx, const at::Tensor& dy, const Matrix& w,
                                bool accumulate) const = 0;

  // y += b, each row; db += the sum of dy's rows
  virtual void add_bias(const at::Tensor& y, const at::Tensor& b) const = 0;
  virtual void bias_backward(const at::Tensor& db, const at::Tensor& dy) const = 0;
  // out = a + b, out may be a
  virtual void add(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b) const = 0;
  // out = a · b, out may be a
  virtual void mask(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b) const = 0;

  // y = x / rms(x) · w, over rows of w's width: [T, N * H] with w [H] is T * N rows. y may be x.
  virtual void rms_norm(const at::Tensor& y, const at::Tensor& x, const at::Tensor& w,
                        float eps) const = 0;
  // dx = or += ; dw += where it is defined. dx may be dy where it is overwritten.
  struct NormGradient {
    at::Tensor dx;
    bool accumulate = false;
    at::Tensor dw;
  };
  virtual void rms_norm_backward(const NormGradient& gradient, const at::Tensor& dy,
                                 const at::Tensor& x, const at::Tensor& w, float eps) const = 0;

  // Turns the heads of x [T, heads * head_dim] in place by the rows' positions, or back.
  virtual void rope(const at::Tensor& x, const RopeTable& table, std::span<const int32_t> positions,
                    int head_dim, bool back) const = 0;

  // h = act(gate) · up
  virtual void gated(const at::Tensor& h, const at::Tensor& gate, const at::Tensor& up,
                     Activation activation) const = 0;
  // gate and up become their gradients.
  virtual void gated_backward(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& dh,
                              Activation activation) const = 0;

  virtual void attention(const AttentionRows& rows) const = 0;
  virtual void attention_backward(const AttentionRows& rows, const at::Tensor& d_out,
                                  const at::Tensor& dq, const at::Tensor& dk,
                                  const at::Tensor& dv) const = 0;

  // Σ -log softmax(logits)[label] over the rows of logits [n, V], softcapped where softcap > 0, in
  // `wide`. Where weight is not 0 they become weight · their gradient.
  virtual double cross_entropy(const at::Tensor& logits, std::span<const int32_t> labels,
                               float softcap, float weight) const = 0;

  // out[i] = x[rows[i]]; x = 0, then x[rows[i]] = out[i]
  virtual void gather(const at::Tensor& out, const at::Tensor& x,
                      std::span<const int32_t> rows) const = 0;
  virtual void scatter(const at::Tensor& x, const at::Tensor& out,
                       std::span<const int32_t> rows) const = 0;

  // x itself where the types are the same, else copied to `buffer`.
  at::Tensor to_work(const at::Tensor& x, const at::Tensor& buffer) const {
    return work == wide ? x : buffer.copy_(x);
  }
};

// When frozen matrices of a file's type become numbers of `work`: at each use, or once and for all,
// which takes that much memory of the device.
enum class Expand { each_use, once };

// The slow twin, on any device and in every type. `threads` of the CPU. A matrix that is placed
// twice is one in memory.
std::unique_ptr<Ops> make_aten_ops(at::Device device, at::ScalarType work, int threads,
                                   Expand expand = Expand::each_use);
// fp32 on the CPU, by our own kernels and threads; products with a model's matrices in bf16 where
// wanted.
std::unique_ptr<Ops> make_kernel_ops(int threads, bool bf16 = false);

}  // namespace nalar::nn
