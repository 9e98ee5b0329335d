#pragma once

#include <cfloat>
#include <cstdint>
#include <cstring>

#include "kernels/panels.h"
#include "kernels/train_kernels.h"

// How a product holds its operands in panels: kGroup elements along the depth are kSteps steps. A
// group that the depth ends in is filled up with zeros. What is no step yet is made in `room`.
//   along(row, n, room)       the steps of n elements of a row
//   across(rows, n, room)     kSteps lines of n steps, of n elements of each of kGroup rows
namespace nalar::kernels {

inline constexpr int64_t kAcross = 256;  // the most elements that are taken across: whole blocks
template <class Step, int64_t n>
struct Lines {
  const Step* line[n];
};

template <class V>
struct Fp32Operands : Fp32Arithmetic<V> {
  static constexpr int64_t kGroup = 1, kSteps = 1, kDepth = kProductDepth;
  static const float* along(const float* row, int64_t /*n*/, float* /*room*/) { return row; }
  static Lines<float, 1> across(const Lines<float, 1>& rows, int64_t /*n*/, float* /*room*/) {
    return rows;
  }
};

// The twin of AVX512_BF16's products: rounded elements in fp32, the odd one of a pair first.
template <class V>
struct RoundedOperands {
  using Step = float;
  using Vector = V;
  static constexpr int64_t kGroup = 2, kSteps = 2, kDepth = kBf16ProductDepth;

  static V multiply_add(V a, V b, V sum) {
    const V exact = fma(a, b, sum);
    return if_less(abs(exact), V::set(FLT_MIN), copysign(V::set(0.0f), exact), exact);
  }
  static const float* along(const float* row, int64_t n, float* room) {
    for (int64_t i = 0; i < n; i += 2) {
      room[i] = i + 1 < n ? rounded(row[i + 1]) : 0.0f;
      room[i + 1] = rounded(row[i]);
    }
    return room;
  }
  static Lines<float, 2> across(const Lines<float, 2>& rows, int64_t n, float* room) {
    for (int64_t i = 0; i < n; ++i) {
      room[i] = rounded(rows.line[1][i]);
      room[kAcross + i] = rounded(rows.line[0][i]);
    }
    return {{room, room + kAcross}};
  }

  // To the nearest bf16, ties to even; what is below the normal numbers becomes 0, NaN quiet.
  static float rounded(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    const uint32_t size = bits & 0x7fffffff;
    const uint32_t nearest = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    bits = size > 0x7f800000   ? (bits & 0xffff0000) | 0x400000
           : size < 0x00800000 ? bits & 0x80000000
                               : nearest;
    std::memcpy(&value, &bits, 4);
    return value;
  }
};

}  // namespace nalar::kernels
