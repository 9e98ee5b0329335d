#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/add.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/tanh.h>
#include <nalar/log.h>

#include <unordered_map>

#include "base/thread_pool.h"
#include "nn/aten_attention.h"
#include "nn/dequantize.h"
#include "nn/ops.h"

namespace nalar::nn {
namespace {

at::ScalarType plain_type(DType type) {
  switch (type) {
    case DType::f16:
      return at::kHalf;
    case DType::bf16:
      return at::kBFloat16;
    default:
      return at::kFloat;
  }
}

at::Tensor bytes_of(const TensorView& view) {
  return at::from_blob(const_cast<std::byte*>(view.bytes.data()),
                       {static_cast<int64_t>(view.bytes.size())}, at::kByte);
}

at::Tensor act(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::gelu:
      return at::gelu(x, "none");
    case Activation::silu:
      break;
  }
  return at::silu(x);
}

at::Tensor act_backward(const at::Tensor& dy, const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::gelu_tanh:
      return at::gelu_backward(dy, x, "tanh");
    case Activation::gelu:
      return at::gelu_backward(dy, x, "none");
    case Activation::silu:
      break;
  }
  return at::silu_backward(dy, x);
}

class AtenOps final : public Ops {
 public:
  AtenOps(at::Device device_, at::ScalarType work_, int threads, Expand expand)
      : Ops(device_, work_), expand_(expand), pool_(threads) {
    if (!device.is_meta()) at::set_num_threads(threads);
  }

  void parallel(int64_t n, const std::function<void(int64_t, int64_t)>& fn) const override {
    pool_.run([&](int thread) {
      const base::Range own = base::share(n, thread, pool_.size());
      if (own.begin < own.end) fn(own.begin, own.end);
    });
  }

  int64_t place(Matrix& matrix) const override;

  void multiply(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b, double alpha,
                bool accumulate) const override {
    if (c.scalar_type() == wide) {
      c.addmm_(a.to(wide), b.to(wide), accumulate ? 1 : 0, alpha);
      return;
    }
    const at::Tensor product = at::mm(a.to(wide), b.to(wide)).mul_(alpha);
    accumulate ? c.add_(product) : c.copy_(product);
  }
  void product(const at::Tensor& y, const at::Tensor& x, const Matrix& w,
               bool accumulate) const override {
    multiply_work(y, x, dense(w).t(), accumulate);
  }
  void product_backward(const at::Tensor& dx, const at::Tensor& dy, const Matrix& w,
                        bool accumulate) const override {
    multiply_work(dx, dy, dense(w), accumulate);
  }

  void add_bias(const at::Tensor& y, const at::Tensor& b) const override { y.add_(b); }
  void bias_backward(const at::Tensor& db, const at::Tensor& dy) const override {
    db.add_(dy.to(wide).sum(0));
  }
  void add(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b) const override {
    at::Tensor result = out;
    at::add_out(result, a, b);
  }
  void mask(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b) const override {
    out.copy_(a.to(wide) * b);
  }

  void rms_norm(const at::Tensor& y, const at::Tensor& x, const at::Tensor& w,
                float eps) const override {
    const at::Tensor rows = x.view({-1, w.numel()}).to(wide);
    y.view({-1, w.numel()}).copy_(rows * inverse_rms(rows, eps) * w);
  }
  void rms_norm_backward(const NormGradient& gradient, const at::Tensor& dy, const at::Tensor& x,
                         const at::Tensor& w, float eps) const override;

  void rope(const at::Tensor& x, const RopeTable& table, std::span<const int32_t> positions,
            int head_dim, bool back) const override;

  void gated(const at::Tensor& h, const at::Tensor& gate, const at::Tensor& up,
             Activation activation) const override {
    h.copy_(act(gate.to(wide), activation) * up);
  }
  void gated_backward(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& dh,
                      Activation activation) const override {
    const at::Tensor g = gate.to(wide), d = dh.to(wide);
    const at::Tensor d_up = d * act(g, activation);  // g may be gate itself
    gate.copy_(act_backward(d * up, g, activation));
    up.copy_(d_up);
  }

  void attention(const AttentionRows& rows) const override { aten_attention(rows, wide); }
  void attention_backward(const AttentionRows& rows, const at::Tensor& d_out, const at::Tensor& dq,
                          const at::Tensor& dk, const at::Tensor& dv) const override {
    aten_attention_backward(rows, wide, d_out, {dq, dk, dv});
  }

  double cross_entropy(const at::Tensor& logits, std::span<const int32_t> labels, float softcap,
                       float weight) const override;

  void gather(const at::Tensor& out, const at::Tensor& x,
              std::span<const int32_t> rows) const override {
    at::Tensor result = out;
    at::index_select_out(result, x, 0, indices(rows));
  }
  void scatter(const at::Tensor& x, const at::Tensor& out,
               std::span<const int32_t> rows) const override {
    x.zero_().index_copy_(0, indices(rows), out);
  }

 private:
  static at::Tensor inverse_rms(const at::Tensor& rows, float eps) {
    return at::rsqrt((rows * rows).mean(1, true) + static_cast<double>(eps));
  }
  at::Tensor indices(std::span<const int32_t> rows) const {
    return at::from_blob(const_cast<int32_t*>(rows.data()), {static_cast<int64_t>(rows.size())},
                         at::kInt)
        .to(device, at::kLong);
  }
  static void multiply_work(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b,
                            bool accumulate) {
    if (accumulate) {
      c.addmm_(a, b);
    } else {
      at::Tensor result = c;
      at::mm_out(result, a, b);
    }
  }
  at::Tensor place_view(const TensorView& view) const;
  at::Tensor dense(const Matrix& matrix) const;
  at::Tensor expanded(const TensorView& view) const;

  const Expand expand_;
  mutable std::unordered_map<const std::byte*, at::Tensor> placed_;  // by where the file's rows lie
  mutable base::ThreadPool pool_;
  mutable at::Tensor expanded_;  // a frozen matrix in fp32, on the host: as large as the largest
};

int64_t AtenOps::place(Matrix& matrix) const {
  const auto [found, fresh] = placed_.try_emplace(matrix.view.bytes.data());
  if (fresh) found->second = place_view(matrix.view);
  matrix.placed = found->second;
  const bool in_file = device.is_cpu() && matrix.placed.defined() &&
                       matrix.placed.const_data_ptr() == matrix.view.bytes.data();
  return !fresh || in_file || !matrix.placed.defined()
             ? 0
             : static_cast<int64_t>(matrix.placed.nbytes());
}

// Undefined where it is expanded at each use, from the file.
at::Tensor AtenOps::place_view(const TensorView& view) const {
  if (!is_quantized(view.dtype)) {
    const at::Tensor values =
        bytes_of(view).view(plain_type(view.dtype)).view({view.rows(), view.columns()});
    return expand_ == Expand::each_use && device.is_cpu() ? values : values.to(device, work);
  }
  if (device.is_meta()) {
    const bool halves = has_device_form(view.dtype);
    return at::empty({halves ? static_cast<int64_t>(view.bytes.size()) / 2 : view.elements()},
                     at::TensorOptions().dtype(at::kBFloat16).device(device));
  }
  const bool once = expand_ == Expand::once;
  if (device.is_cpu()) return once ? expanded(view).to(work).clone() : at::Tensor();
  if (!has_device_form(view.dtype)) {
    if (!once) {
      notice(std::string(view.name) + ": " + std::string(name(view.dtype)) +
             " is expanded to bf16 on this device");
    }
    return expanded(view).to(device, once ? work : at::kBFloat16);
  }
  const at::Tensor bytes = bytes_of(view).to(device);
  return once ? dequantize(view.dtype, bytes, view.rows(), view.columns()).to(work) : bytes;
}

at::Tensor AtenOps::dense(const Matrix& matrix) const {
  if (matrix.trained != nullptr) return matrix.trained->value.to(work);
  const TensorView& view = matrix.view;
  if (!matrix.placed.defined()) return expanded(view).to(work);
  if (matrix.placed.scalar_type() == at::kByte) {
    return dequantize(view.dtype, matrix.placed, view.rows(), view.columns()).to(work);
  }
  return matrix.placed.to(work);
}

// In fp32 on the host, until the next call.
at::Tensor AtenOps::expanded(const TensorView& view) const {
  if (!expanded_.defined() || expanded_.numel() < view.elements()) {
    expanded_ = at::empty({view.elements()}, at::kFloat);
  }
  float* const values = expanded_.data_ptr<float>();
  parallel(view.rows(), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) read_row(view, r, values + r * view.columns());
  });
  return expanded_.narrow(0, 0, view.elements()).view({view.rows(), view.columns()});
}

void AtenOps::rms_norm_backward(const NormGradient& gradient, const at::Tensor& dy,
                                const at::Tensor& x, const at::Tensor& w, float eps) const {
  const int64_t n = w.numel();
  const at::Tensor rows = x.view({-1, n}).to(wide), d = dy.view({-1, n}).to(wide);
  const at::Tensor r = inverse_rms(rows, eps), normed = rows * r, dn = d * w;
  if (gradient.dw.defined()) gradient.dw.add_((d * normed).sum(0));
  const at::Tensor dx = r * (dn - normed * (dn * normed).mean(1, true));
  const at::Tensor out = gradient.dx.view({-1, n});
  gradient.accumulate ? out.add_(dx) : out.copy_(dx);
}

void AtenOps::rope(const at::Tensor& x, const RopeTable& table, std::span<const int32_t> positions,
                   int head_dim, bool back) const {
  const at::Tensor at_rows = indices(positions);
  const at::Tensor cos = table.cos.index_select(0, at_rows).unsqueeze(1);
  const at::Tensor sin = (back ? table.minus_sin : table.sin).index_select(0, at_rows).unsqueeze(1);
  const int64_t half = table.rope_dim / 2;
  const at::Tensor heads = x.view({x.size(0), -1, head_dim}).narrow(2, 0, table.rope_dim);
  const bool halves = table.style == RopeStyle::half;
  const at::Tensor a = halves ? heads.narrow(2, 0, half) : heads.slice(2, 0, table.rope_dim, 2);
  const at::Tensor b = halves ? heads.narrow(2, half, half) : heads.slice(2, 1, table.rope_dim, 2);
  const at::Tensor turned_a = a * cos - b * sin, turned_b = b * cos + a * sin;
  a.copy_(turned_a);
  b.copy_(turned_b);
}

double AtenOps::cross_entropy(const at::Tensor& logits, std::span<const int32_t> labels,
                              float softcap, float weight) const {
  const double cap = static_cast<double>(softcap);
  const at::Tensor whole = logits.to(wide);
  const at::Tensor z = softcap > 0 ? at::tanh(whole / cap) * cap : whole;
  const at::Tensor label = indices(labels).unsqueeze(1);
  const at::Tensor log_sum = at::logsumexp(z, {1}, true);
  const double loss = (log_sum - z.gather(1, label)).sum(at::kDouble).item<double>();
  if (weight != 0) {
    at::Tensor d = at::exp(z - log_sum);
    d.scatter_add_(1, label, -at::ones(label.sizes(), d.options()));
    if (softcap > 0) d *= 1 - (z / cap).square();
    logits.copy_(d * static_cast<double>(weight));
  }
  return loss;
}

}  // namespace

std::unique_ptr<Ops> make_aten_ops(at::Device device, at::ScalarType work, int threads,
                                   Expand expand) {
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
  at::globalContext().setDeterministicFillUninitializedMemory(false);  // else each result, twice
  return std::make_unique<AtenOps>(device, work, threads, expand);
}

}  // namespace nalar::nn
