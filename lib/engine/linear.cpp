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
      packed_(packed.find(weight)),
      operand_(kernels.operand(weight.dtype)) {
  if (bias.bytes.data() != nullptr) bias_ = to_fp32(bias);
}

void Linear::multiply(const Worker& w, base::Range matrix_rows, int64_t n_rows, float* y,
                      int64_t stride) const {
  if (matrix_rows.begin == matrix_rows.end) return;
  kernels::LinearCall call;
  call.type = weight_.dtype;
  call.operand = operand_;
  call.weight = packed_;
  call.rows = out();
  call.columns = in();
  call.row_begin = matrix_rows.begin;
  call.row_end = matrix_rows.end;
  call.activations = input_of(w, operand_);
  call.tokens = n_rows;
  call.y = y;
  call.y_stride = stride;
  call.bias = bias_.empty() ? nullptr : bias_.data();
  call.scratch = w.scratch.linear;
  kernels_.linear(call);
}

void read_input(const Worker& w, std::initializer_list<const Linear*> linears, base::Range own,
                MatrixView<const float> x) {
  bool read[2] = {false, false};
  for (const Linear* linear : linears) {
    const kernels::Operand operand = linear->operand();
    if (std::exchange(read[static_cast<size_t>(operand)], true)) continue;
    linear->kernels().load_activations(operand, x.data, x.stride, own.begin, own.end, x.rows,
                                       x.columns, input_of(w, operand));
  }
  w.rows_ready();
  observe(w, linears, x);
}

}  // namespace nalar::engine
