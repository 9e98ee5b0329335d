#pragma once

#include <cfloat>
#include <cstdint>
#include <cstring>

#include "kernels/panels.h"
#include "kernels/train_kernels.h"

// How a product holds its operands in panels: kGroup elements along the depth are kSteps steps. A
// group that the depth ends in is filled up with zeros.
//   along(row, n, room)       the steps of n elements of a row; in `room` unless they are the row
//   across(rows, n, lines)    steps [kSteps][n] of n elements of each of kGroup rows
namespace nalar::kernels {

template <class V>
struct Fp32Operands : Fp32Arithmetic<V> {
  static constexpr int64_t kGroup = 1, kSteps = 1, kDepth = kProductDepth;
  static const float* along(const float* row, int64_t /*n*/, float* /*room*/) { return row; }
  template <int64_t size>
  static void across(const float* const (&rows)[1], int64_t n, float (&lines)[1][size]) {
    std::memcpy(lines[0], rows[0], static_cast<size_t>(n) * sizeof(float));
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
  template <int64_t size>
  static void across(const float* const (&rows)[2], int64_t n, float (&lines)[2][size]) {
    for (int64_t i = 0; i < n; ++i) {
      lines[0][i] = rounded(rows[1][i]);
      lines[1][i] = rounded(rows[0][i]);
    }
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
