#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstring>

#include "kernels/linear_tables.h"
#include "kernels/scalar/plain_block.h"

// The twin of all other Linears: file rows, one output after the other, the order of
// linear_kernels.h.
namespace nalar::kernels {
namespace {

// 32 elements of one token.
struct PlainActivation {
  int8_t q[32];
  float d;
  int32_t sum[2];  // of q 0 … 15 and 16 … 31
};

size_t activation_bytes(Operand operand, int64_t tokens, int64_t columns) {
  const auto n = static_cast<size_t>(tokens * columns);
  return operand == Operand::int8 ? n / 32 * sizeof(PlainActivation) : n * sizeof(float);
}

PlainActivation quantize(const float* x) {
  PlainActivation a{};
  // Of magnitudes as integers, so that a NaN is the largest and does not depend on the order.
  uint32_t largest = 0;
  for (int k = 0; k < 32; ++k) {
    largest = std::max(largest, std::bit_cast<uint32_t>(x[k]) & 0x7fffffff);
  }
  a.d = std::bit_cast<float>(largest) / 127.0f;
  const float inverse = a.d >= FLT_MIN ? 1.0f / a.d : 0.0f;
  for (int k = 0; k < 32; ++k) {
    const float scaled = x[k] * inverse;
    const float rounded = std::nearbyint(scaled);
    // What is not finite (d is not then, either) becomes -127, as the hardware's conversion and a
    // maximum make it.
    const bool fits = std::fabs(rounded) < 0x1p31f;
    const int q = fits ? std::clamp(static_cast<int>(rounded), -127, 127) : -127;
    a.q[k] = static_cast<int8_t>(q);
    a.sum[k / 16] += q;
  }
  return a;
}

void load_activations(Operand operand, const float* x, int64_t stride, int64_t begin, int64_t end,
                      int64_t /*tokens*/, int64_t columns, std::byte* out) {
  for (int64_t t = begin; t < end; ++t) {
    const float* row = x + t * stride;
    if (operand == Operand::fp32) {
      std::memcpy(out + t * columns * 4, row, static_cast<size_t>(columns) * 4);
      continue;
    }
    auto* blocks = reinterpret_cast<PlainActivation*>(out) + t * (columns / 32);
    for (int64_t b = 0; b < columns / 32; ++b) {
      blocks[b] = quantize(row + 32 * b);
    }
  }
}

int32_t dot16(const int16_t* w, const int8_t* q) {
  int32_t sum = 0;
  for (int k = 0; k < 16; ++k) {
    sum += w[k] * q[k];
  }
  return sum;
}

// acc + one block's products with the activations `a` of its elements.
float add_block(QuantForm form, const PlainBlock& block, const PlainActivation* a, float acc) {
  if (form.form == Form::scale || form.form == Form::scale_min) {
    const int32_t dot = dot16(block.sub[0].q, a->q) + dot16(block.sub[0].q + 16, a->q + 16);
    acc = std::fma(static_cast<float>(dot), block.d * a->d, acc);
    if (form.form == Form::scale_min) {
      acc = std::fma(block.m, a->d * static_cast<float>(a->sum[0] + a->sum[1]), acc);
    }
    return acc;
  }
  float part = 0;
  float low = 0;
  for (int i = 0; i < 8; ++i, ++a) {
    const PlainSub& sub = block.sub[i];
    const int32_t dot = sub.s[0] * dot16(sub.q, a->q) + sub.s[1] * dot16(sub.q + 16, a->q + 16);
    part = std::fma(static_cast<float>(dot), a->d, part);
    if (form.form == Form::sub_scale_min && form.halves) {
      low = std::fma(sub.l[0], a->d * static_cast<float>(a->sum[0]), low);
      low = std::fma(sub.l[1], a->d * static_cast<float>(a->sum[1]), low);
    } else if (form.form == Form::sub_scale_min) {
      low = std::fma(sub.l[0], a->d * static_cast<float>(a->sum[0] + a->sum[1]), low);
    }
  }
  acc = std::fma(part, block.d, acc);
  return form.form == Form::sub_scale_min ? std::fma(-low, block.m, acc) : acc;
}

void store(const LinearCall& call, int64_t t, int64_t r, float acc) {
  float& y = call.y[t * call.y_stride + r];
  if (call.bias != nullptr) {
    acc += call.bias[r];
  }
  y = call.accumulate ? acc + y : acc;
}

void linear_int8(const LinearCall& call, const std::byte* row, int64_t r) {
  const BlockSize size = block_size(call.type);
  const QuantForm form = quant_form(call.type);
  const int64_t blocks = call.columns / size.elements;
  auto* plain = reinterpret_cast<PlainBlock*>(call.scratch);
  for (int64_t b = 0; b < blocks; ++b) {
    decode_block(call.type, row + b * size.bytes, plain[b]);
  }
  const auto* a = reinterpret_cast<const PlainActivation*>(call.activations);
  for (int64_t t = 0; t < call.tokens; ++t) {
    float acc = 0;
    for (int64_t b = 0; b < blocks; ++b, a += size.elements / 32) {
      acc = add_block(form, plain[b], a, acc);
    }
    store(call, t, r, acc);
  }
}

void linear_fp32(const LinearCall& call, const std::byte* row, int64_t r) {
  auto* w = reinterpret_cast<float*>(call.scratch);
  dequantize_file_row(call.type, row, call.columns, w);
  for (int64_t t = 0; t < call.tokens; ++t) {
    const auto* x = reinterpret_cast<const float*>(call.activations) + t * call.columns;
    float acc = 0;
    for (int64_t k = 0; k < call.columns; ++k) {
      acc = std::fma(w[k], x[k], acc);
    }
    store(call, t, r, acc);
  }
}

int64_t row_bytes(DType type, int64_t columns) {
  const BlockSize size = block_size(type);
  return columns / size.elements * size.bytes;
}

void linear(const LinearCall& call) {
  const int64_t bytes = row_bytes(call.type, call.columns);
  for (int64_t r = call.row_begin; r < call.row_end; ++r) {
    const std::byte* row = call.weight + r * bytes;
    call.operand == Operand::int8 ? linear_int8(call, row, r) : linear_fp32(call, row, r);
  }
}

size_t packed_bytes(DType, int64_t, int64_t) { return 0; }

void pack(DType, const std::byte*, int64_t, int64_t, int64_t, int64_t, std::byte*) {}

void dequantize_row(DType type, const std::byte* weight, int64_t /*rows*/, int64_t columns,
                    int64_t r, float* out) {
  dequantize_file_row(type, weight + r * row_bytes(type, columns), columns, out);
}

size_t scratch_bytes(int64_t columns) {
  return static_cast<size_t>(columns / 32 + 1) * sizeof(PlainBlock);
}

}  // namespace

const LinearKernels& scalar_linear_kernels() noexcept {
  static constexpr LinearKernels kTable = {1,    activation_bytes, load_activations, packed_bytes,
                                           pack, dequantize_row,   scratch_bytes,    linear};
  return kTable;
}

}  // namespace nalar::kernels
