#include <algorithm>

#include "engine/adapter_set.h"

namespace nalar::engine {
namespace {

using kernels::Operand;

// Linears that read one input at a time, and so need places of their own.
int slot_of(model::TensorRole role) {
  switch (role) {
    case model::TensorRole::k:
    case model::TensorRole::up:
      return 1;
    case model::TensorRole::v:
      return 2;
    default:
      return 0;
  }
}

}  // namespace

base::AlignedBuffer pack_fp32(const std::vector<float>& rows, int64_t columns,
                              const kernels::LinearKernels& kernels) {
  const int64_t n = static_cast<int64_t>(rows.size()) / columns;
  base::AlignedBuffer packed(
      std::max(kernels.packed_bytes(DType::f32, n, columns), rows.size() * sizeof(float)));
  const auto* const source = reinterpret_cast<const std::byte*>(rows.data());
  if (kernels.packed_bytes(DType::f32, n, columns) == 0) {
    std::copy_n(source, rows.size() * sizeof(float), packed.data());
  } else {
    kernels.pack(DType::f32, source, n, columns, 0, n, packed.data());
  }
  return packed;
}

LowRank::LowRank(std::span<const AdapterUse> uses, const model::LoraTarget& target,
                 const KernelSet& kernels)
    : kernels_(kernels.linear), in_(target.in), out_(target.out), slot_(slot_of(target.name.role)) {
  std::vector<float> a;
  for (const AdapterUse& use : uses) {
    const model::LoraModule* module = use.adapter->lora().find(target.name);
    if (module == nullptr) continue;
    a.insert(a.end(), module->a.begin(), module->a.end());
    rank_ += module->rank;
  }
  if (rank_ == 0) return;
  std::vector<float> b(static_cast<size_t>(out_ * rank_));
  int64_t column = 0;
  for (const AdapterUse& use : uses) {
    const model::LoraModule* module = use.adapter->lora().find(target.name);
    if (module == nullptr) continue;
    const float scale = use.scale * module->scale;
    for (int64_t r = 0; r < out_; ++r) {
      const auto from = module->b.begin() + r * module->rank;
      std::transform(from, from + module->rank, b.begin() + r * rank_ + column,
                     [scale](float value) { return scale * value; });
    }
    column += module->rank;
  }
  b_ = pack_fp32(b, rank_, kernels_);
  if (target.name.role != model::TensorRole::embedding) {
    a_ = pack_fp32(a, in_, kernels_);
    return;
  }
  a_rows_.resize(a.size());
  for (int64_t r = 0; r < rank_; ++r) {
    for (int64_t id = 0; id < in_; ++id) {
      a_rows_[static_cast<size_t>(id * rank_ + r)] = a[static_cast<size_t>(r * in_ + id)];
    }
  }
}

// A tile at a time, so that little memory is needed.
void LowRank::read(const Worker& w, base::Range own, MatrixView<const float> x) const {
  const Activations::Scratch& scratch = w.scratch;
  const int64_t tile = w.pass.activations.tile();
  for (int64_t begin = own.begin; begin < own.end; begin += tile) {
    const int64_t n = std::min(tile, own.end - begin);
    kernels_.load_activations(Operand::fp32, x.row(begin), x.stride, 0, n, n, in_, scratch.low_x);
    kernels::LinearCall call;
    call.weight = a_.data();
    call.rows = rank_;
    call.columns = in_;
    call.row_end = rank_;
    call.activations = scratch.low_x;
    call.tokens = n;
    call.y = scratch.low;
    call.y_stride = rank_;
    call.scratch = scratch.linear;
    kernels_.linear(call);
    kernels_.load_activations(Operand::fp32, scratch.low - begin * rank_, rank_, begin, begin + n,
                              x.rows, rank_, w.rows.low_input[static_cast<size_t>(slot_)]);
  }
}

kernels::LinearCall LowRank::b_call(const std::byte* activations, int64_t n_rows) const {
  kernels::LinearCall call;
  call.weight = b_.data();
  call.rows = out_;
  call.columns = rank_;
  call.row_end = out_;
  call.activations = activations;
  call.tokens = n_rows;
  call.accumulate = true;
  return call;
}

void LowRank::add(const Worker& w, base::Range matrix_rows, int64_t n_rows, float* y,
                  int64_t stride) const {
  kernels::LinearCall call = b_call(w.rows.low_input[static_cast<size_t>(slot_)], n_rows);
  call.row_begin = matrix_rows.begin;
  call.row_end = matrix_rows.end;
  call.y = y;
  call.y_stride = stride;
  call.scratch = w.scratch.linear;
  kernels_.linear(call);
}

void LowRank::add_embedded(const Worker& w, base::Range own, float* x, int64_t stride) const {
  const Activations::Scratch& scratch = w.scratch;
  const int64_t tile = w.pass.activations.tile();
  for (int64_t begin = own.begin; begin < own.end; begin += tile) {
    const int64_t n = std::min(tile, own.end - begin);
    for (int64_t i = 0; i < n; ++i) {
      const TokenId id = w.pass.tokens[static_cast<size_t>(begin + i)];
      std::copy_n(a_rows_.begin() + id * rank_, rank_, scratch.low + i * rank_);
    }
    kernels_.load_activations(Operand::fp32, scratch.low, rank_, 0, n, n, rank_, scratch.low_x);
    kernels::LinearCall call = b_call(scratch.low_x, n);
    call.y = x + begin * stride;
    call.y_stride = stride;
    call.scratch = scratch.linear;
    kernels_.linear(call);
  }
}

}  // namespace nalar::engine
