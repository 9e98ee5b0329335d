#pragma once

#include <utility>

// Before a loop over the columns of a tile: their accumulators stay in registers only if it is
// unrolled.
#if defined(__clang__)
#define NALAR_UNROLL _Pragma("clang loop unroll(full)")
#else
#define NALAR_UNROLL _Pragma("GCC unroll 16")
#endif
// Kernels are pieces that must become one function.
#define NALAR_INLINE [[gnu::always_inline]] inline
// The same after the parameters of a lambda.
#define NALAR_INLINE_BODY __attribute__((always_inline))

namespace nalar::kernels {
namespace {

template <int... j, class Body>
NALAR_INLINE void each_of(std::integer_sequence<int, j...>, Body&& body) {
  (body(std::integral_constant<int, j>()), ...);
}

// body(0) … body(n - 1), each with a constant.
template <int n, class Body>
NALAR_INLINE void each(Body&& body) {
  each_of(std::make_integer_sequence<int, n>(), body);
}

}  // namespace
}  // namespace nalar::kernels
