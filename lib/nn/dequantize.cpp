#include "nn/dequantize.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>

#include "kernels/linear_kernels.h"

namespace nalar::nn {
namespace {

// Blocks [n, bytes] of a type → values [n, elements].
using Unpack = at::Tensor (*)(const at::Tensor& blocks);

at::Tensor part(const at::Tensor& blocks, int64_t begin, int64_t n) {
  return blocks.narrow(1, begin, n);
}

// The half at a byte, as fp32 [n, 1].
at::Tensor half_at(const at::Tensor& blocks, int64_t begin) {
  return part(blocks, begin, 2).contiguous().view(at::kHalf).to(at::kFloat);
}

at::Tensor low(const at::Tensor& bytes) { return bytes.bitwise_and(15); }
at::Tensor high(const at::Tensor& bytes) { return bytes.bitwise_right_shift(4); }

at::Tensor q8_0(const at::Tensor& b) {
  return half_at(b, 0) * part(b, 2, 32).contiguous().view(at::kChar).to(at::kFloat);
}

at::Tensor nibbles(const at::Tensor& bytes) {
  return at::cat({low(bytes), high(bytes)}, 1).to(at::kFloat);
}

at::Tensor q4_0(const at::Tensor& b) { return half_at(b, 0) * (nibbles(part(b, 2, 16)) - 8); }

at::Tensor q4_1(const at::Tensor& b) {
  return half_at(b, 0) * nibbles(part(b, 4, 16)) + half_at(b, 2);
}

// 12 bytes hold 8 scales and 8 mins of 6 bits: the first four of each in the low bits of bytes 0 …
// 3 and 4 … 7, the others in the nibbles of bytes 8 … 11 and the top bits of those.
at::Tensor q4_k(const at::Tensor& b) {
  const at::Tensor s = part(b, 4, 4), m = part(b, 8, 4), rest = part(b, 12, 4);
  const auto join = [](const at::Tensor& first, const at::Tensor& four) {
    const at::Tensor top = first.bitwise_right_shift(6).bitwise_left_shift(4);
    return at::cat({first.bitwise_and(63), four.bitwise_or(top)}, 1).to(at::kFloat).unsqueeze(2);
  };
  const at::Tensor scales = half_at(b, 0).unsqueeze(2) * join(s, low(rest));
  const at::Tensor mins = half_at(b, 2).unsqueeze(2) * join(m, high(rest));
  // 32 bytes hold two sub-blocks of 32: low nibbles, then high ones.
  const at::Tensor q = part(b, 16, 128).reshape({-1, 4, 32});
  const at::Tensor values = at::stack({low(q), high(q)}, 2).reshape({-1, 8, 32}).to(at::kFloat);
  return (scales * values - mins).reshape({-1, 256});
}

// Two halves of 128: of each, 64 bytes of low nibbles and 32 of four 2-bit tops.
at::Tensor q6_k(const at::Tensor& b) {
  const at::Tensor l = part(b, 0, 128).reshape({-1, 2, 2, 32});
  const at::Tensor h = part(b, 128, 64).reshape({-1, 2, 1, 32});
  const at::Tensor nibble = at::cat({low(l), high(l)}, 2);  // [n, 2, 4, 32]
  const at::Tensor shift = at::arange(0, 8, 2, b.options()).view({1, 1, 4, 1});
  const at::Tensor top = h.bitwise_right_shift(shift).bitwise_and(3).bitwise_left_shift(4);
  const at::Tensor q = nibble.bitwise_or(top).to(at::kFloat) - 32;
  const at::Tensor scales = part(b, 192, 16).contiguous().view(at::kChar).to(at::kFloat);
  const at::Tensor d = (half_at(b, 208) * scales).unsqueeze(2);
  return (d * q.reshape({-1, 16, 16})).reshape({-1, 256});
}

Unpack unpack(DType type) {
  switch (type) {
    case DType::q8_0:
      return q8_0;
    case DType::q4_0:
      return q4_0;
    case DType::q4_1:
      return q4_1;
    case DType::q4_k:
      return q4_k;
    case DType::q6_k:
      return q6_k;
    default:
      return nullptr;
  }
}

}  // namespace

void read_row(const TensorView& tensor, int64_t row, float* out) {
  // The scalar set reads the rows of files.
  static const auto& kernels = kernels::linear_kernels(kernels::Isa::scalar);
  kernels.dequantize_row(tensor.dtype, tensor.bytes.data(), tensor.rows(), tensor.columns(), row,
                         out);
}

void read_all(const TensorView& tensor, std::span<float> out) {
  for (int64_t r = 0; r < tensor.rows(); ++r) {
    read_row(tensor, r, out.data() + r * tensor.columns());
  }
}

bool has_device_form(DType type) { return unpack(type) != nullptr; }

at::Tensor dequantize(DType type, const at::Tensor& bytes, int64_t rows, int64_t columns) {
  return unpack(type)(bytes.reshape({-1, block_size(type).bytes})).reshape({rows, columns});
}

}  // namespace nalar::nn
