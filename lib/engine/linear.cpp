#include "engine/linear.h"

#include <utility>

#include "engine/norm.h"

namespace nalar::engine {
namespace {

void observe(const Worker& w, std::initializer_list<const Linear*> linears,
             MatrixView<const float> x) {
  if (w.pass.observer == nullptr || w.thread != 0 || w.pass.observer_error) return;
  try {
    for (const Linear* linear : linears) linear->show(*w.pass.observer, x);
  } catch (...) {
    w.pass.observer_error = std::current_exception();
  }
}

std::byte* input_of(const Worker& w, kernels::Operand operand) {
  return operand == kernels::Operand::int8 ? w.rows.int8_input : w.rows.fp32_input;
}

}  // namespace

Linear::Linear(const TensorView& weight, const TensorView& bias, const PackedWeights& packed,
               const KernelSet& kernels)
    : kernels_(kernels.linear),
      weight_(weight),
      bias_(bias.bytes.data() == nullptr ? std::vector<float>() : to_fp32(bias)),
      base_{weight.dtype, packed.find(weight), kernels.operand(weight.dtype),
            bias_.empty() ? nullptr : bias_.data()},
      low_rank_(packed.adapters().find(weight)) {
  const AdapterSet::Saved* saved = packed.adapters().find_saved(weight);
  if (saved == nullptr) return;
  saved_ = {DType::f32, saved->packed, kernels::Operand::fp32,
            saved->bias == nullptr ? base_.bias : saved->bias};
}

void Linear::multiply(const Worker& w, base::Range matrix_rows, int64_t n_rows, float* y,
                      int64_t stride) const {
  if (matrix_rows.begin == matrix_rows.end) return;
  const Matrix& m = matrix(w.pass);
  kernels::LinearCall call;
  call.type = m.type;
  call.operand = m.operand;
  call.weight = m.rows;
  call.rows = out();
  call.columns = in();
  call.row_begin = matrix_rows.begin;
  call.row_end = matrix_rows.end;
  call.activations = input_of(w, m.operand);
  call.tokens = n_rows;
  call.y = y;
  call.y_stride = stride;
  call.bias = m.bias;
  call.scratch = w.scratch.linear;
  kernels_.linear(call);
  if (const LowRank* low = low_rank(w.pass)) low->add(w, matrix_rows, n_rows, y, stride);
}

void read_input(const Worker& w, std::initializer_list<const Linear*> linears, base::Range own,
                MatrixView<const float> x) {
  bool read[2] = {false, false};
  for (const Linear* linear : linears) {
    if (const LowRank* low = linear->low_rank(w.pass)) low->read(w, own, x);
    const kernels::Operand operand = linear->operand(w.pass);
    if (std::exchange(read[static_cast<size_t>(operand)], true)) continue;
    linear->kernels().load_activations(operand, x.data, x.stride, own.begin, own.end, x.rows,
                                       x.columns, input_of(w, operand));
  }
  w.rows_ready();
  observe(w, linears, x);
}

}  // namespace nalar::engine
