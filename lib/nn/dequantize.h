#pragma once

#include <ATen/core/Tensor.h>
#include <nalar/tensor.h>

#include <functional>
#include <span>

namespace nalar::nn {

// Rows of a tensor of a file as fp32.
void read_row(const TensorView& tensor, int64_t row, float* out);
void read_all(const TensorView& tensor, std::span<float> out);

// Whether dequantize() knows the type: Q4_0, Q4_1, Q8_0, Q4_K, Q6_K.
bool has_device_form(DType type);
// The matrix [rows, columns] of `type` from its bytes on any device, a uint8 tensor, by
// whole-tensor operators, in fp32. REQUIRES has_device_form(type).
at::Tensor dequantize(DType type, const at::Tensor& bytes, int64_t rows, int64_t columns);

}  // namespace nalar::nn
