#pragma once

#include "kernels/avx512/row_vector.h"
#include "kernels/simd/linear.h"

namespace nalar::kernels {
namespace {

struct Avx512 {
  using One = V16;   // one token
  using Many = V16;  // more
  using All = V16;   // 16 rows at once
  static constexpr int kTile = 12;
  static constexpr int kFewTokens = 48;  // up to which panels do not pay
};

}  // namespace

// The types of each file.
void avx512_linear_32(DType type, const LinearCall& call) noexcept;
void avx512_linear_256(DType type, const LinearCall& call) noexcept;

}  // namespace nalar::kernels
