#pragma once

#include "kernels/avx2/row_vector.h"
#include "kernels/simd/linear.h"

namespace nalar::kernels {
namespace {

struct Avx2 {
  using One = V2;   // one token: both halves of a group share each broadcast
  using Many = V8;  // more: there are registers for one half
  using All = V2;   // 16 rows at once
  static constexpr int kTile = 6;
  static constexpr int kFewTokens = kTile;  // up to which panels do not pay
};

}  // namespace

// The types of each file.
void avx2_linear_32(DType type, const LinearCall& call) noexcept;
void avx2_linear_256(DType type, const LinearCall& call) noexcept;

}  // namespace nalar::kernels
