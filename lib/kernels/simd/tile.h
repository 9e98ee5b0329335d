#pragma once

#include "kernels/simd/activation_tile.h"
#include "kernels/simd/weight_blocks.h"

// The inner loops: one group of 16 rows times the C columns (tokens) of a tile, over a stretch of
// k. The order of the arithmetic is that of linear_kernels.h.
namespace nalar::kernels {
namespace {

// Σ q_w q of elements 4 `first` … 4 (`first` + n) - 1 of a sub-block, for N columns from `column`
// on of a tile of C.
template <class V, int first, int n, class Block, int C, int N>
NALAR_INLINE void dot_products(const Block& block, int sub, const Act32<C>& a,
                               const int32_t* minus_sum, int column, typename V::I (&sum)[N]) {
  using T = typename Block::T;
  constexpr int kOffset = T::kSigned && !V::kAnyU8 ? -1 : T::kOffsetBits;
  NALAR_UNROLL
  for (int c = 0; c < N; ++c) {
    if constexpr (kOffset >= 0) {
      sum[c] = V::template left32<kOffset>(V::words(minus_sum[column + c]));
    } else {
      sum[c] = V::zero_i();
    }
    V::keep(sum[c]);
  }
  V::template dot<T, n, C>(sum, a.q() + first * C + column, [&](auto j) NALAR_INLINE_BODY {
    return block.template weight<first + j>(sub);
  });
}

template <class V, class Block, int C>
NALAR_INLINE void add_block_of_32(const Block& block, const Act32<C>& a, typename V::F (&acc)[C]) {
  typename V::I sum[C];
  dot_products<V, 0, 8>(block, 0, a, a.minus_sum(), 0, sum);
  const typename V::F d = block.d();
  NALAR_UNROLL
  for (int c = 0; c < C; ++c) {
    acc[c] = V::fma(V::from_i32(sum[c]), V::mul(d, V::all(a.d()[c])), acc[c]);
    V::keep(acc[c]);
  }
  if constexpr (Block::T::kMinima) {
    const typename V::F m = block.m();
    NALAR_UNROLL
    for (int c = 0; c < C; ++c) {
      V::add_product(acc[c], m, a.d_sum()[c]);
    }
  }
}

// part + the products of sub-block `sub`: one scale.
template <class V, class Block, int C>
NALAR_INLINE void add_sub_block(const Block& block, int sub, const Act32<C>& a,
                                typename V::F (&part)[C]) {
  typename V::I sum[C];
  dot_products<V, 0, 8>(block, sub, a, a.minus_sum(), 0, sum);
  const typename V::F s = block.s(sub);
  NALAR_UNROLL
  for (int c = 0; c < C; ++c) {
    V::add_product(part[c], V::mul(V::from_i32(sum[c]), s), a.d()[c]);
  }
}

// The same with a scale for each half. Columns go in two parts: there are no registers for the sums
// of all.
template <class V, class Block, int C>
NALAR_INLINE void add_sub_block_halves(const Block& block, int sub, const Act32<C>& a,
                                       typename V::F (&part)[C]) {
  constexpr int kN = C > 6 ? (C + 1) / 2 : C;
  const typename V::F s0 = block.s(2 * sub), s1 = block.s(2 * sub + 1);
  each<(C + kN - 1) / kN>([&](auto p) NALAR_INLINE_BODY {
    constexpr int kFirst = p * kN;
    constexpr int kColumns = C - kFirst < kN ? C - kFirst : kN;
    typename V::I sum0[kColumns], sum1[kColumns];
    dot_products<V, 0, 4>(block, sub, a, a.minus_sum16(0), kFirst, sum0);
    dot_products<V, 4, 4>(block, sub, a, a.minus_sum16(1), kFirst, sum1);
    NALAR_UNROLL
    for (int c = 0; c < kColumns; ++c) {
      const typename V::F scaled = V::mul(V::from_i32(sum0[c]), s0);
      V::add_product(part[kFirst + c], V::fma(V::from_i32(sum1[c]), s1, scaled), a.d()[kFirst + c]);
    }
  });
}

template <class V, class Block, int C>
NALAR_INLINE void add_minima(const Block& block, Act32<C> a, typename V::F (&low)[C]) {
  for (int i = 0; i < 8; ++i, a.next()) {
    if constexpr (!Block::T::kHalves) {
      const typename V::F l = block.l(i);
      NALAR_UNROLL
      for (int c = 0; c < C; ++c) {
        V::add_product(low[c], l, a.d_sum()[c]);
      }
    } else {
      for (int h = 0; h < 2; ++h) {
        const typename V::F l = block.l(2 * i + h);
        NALAR_UNROLL
        for (int c = 0; c < C; ++c) {
          const typename V::F minus =
              V::mul(V::all(a.d()[c]), V::from_i32(V::words(a.minus_sum16(h)[c])));
          low[c] = V::fnma(l, minus, low[c]);
        }
      }
    }
  }
}

template <class V, class Block, int C>
NALAR_INLINE void add_block_of_256(const Block& block, Act32<C> a, typename V::F (&acc)[C]) {
  typename V::F part[C];
  NALAR_UNROLL
  for (int c = 0; c < C; ++c) {
    part[c] = V::zero();
    V::keep(part[c]);
  }
  const Act32<C> begin = a;
  for (int i = 0; i < 8; ++i, a.next()) {
    if constexpr (Block::T::kHalves) {
      add_sub_block_halves<V, Block, C>(block, i, a, part);
    } else {
      add_sub_block<V, Block, C>(block, i, a, part);
    }
  }
  const typename V::F d = block.d();
  NALAR_UNROLL
  for (int c = 0; c < C; ++c) {
    acc[c] = V::fma(part[c], d, acc[c]);
  }
  if constexpr (Block::T::kMinima) {
    NALAR_UNROLL
    for (int c = 0; c < C; ++c) {
      part[c] = V::zero();
      V::keep(part[c]);
    }
    add_minima<V, Block, C>(block, begin, part);
    const typename V::F m = block.m();
    NALAR_UNROLL
    for (int c = 0; c < C; ++c) {
      acc[c] = V::fnma(part[c], m, acc[c]);
    }
  }
}

template <int bytes>
NALAR_INLINE void fetch(const std::byte* p) {
  each<(bytes + 63) / 64>([&](auto line) NALAR_INLINE_BODY { __builtin_prefetch(p + 64 * line); });
}

// sums[c][16] += `n` blocks of a group times the activations of column c.
template <class V, class Block, int C>
void add_tile(const std::byte* blocks, int64_t n, const int32_t* activations, float* sums) {
  for (int row = 0; row < 16; row += V::kRows) {
    typename V::F acc[C];
    NALAR_UNROLL
    for (int c = 0; c < C; ++c) {
      acc[c] = V::load_f(sums + 16 * c + row);
    }
    const std::byte* at = blocks;
    Act32<C> a{activations};
    for (int64_t b = 0; b < n; ++b, at += Block::kBytes) {
      const Block block(at, row);
      if constexpr (Block::kFetchAhead > 0) {
        fetch<Block::kBytes>(at + Block::kFetchAhead);
      }
      if constexpr (Block::T::kBlocksOf256) {
        add_block_of_256<V, Block, C>(block, a, acc);
        a.words += 8 * kWordsOf32 * C;
      } else {
        add_block_of_32<V, Block, C>(block, a, acc);
        a.next();
      }
    }
    NALAR_UNROLL
    for (int c = 0; c < C; ++c) {
      V::store_f(sums + 16 * c + row, acc[c]);
    }
  }
}

// fp32: the same for n elements of k. Weights: load(k) gives the 16 rows' w.
template <class V, class Weights, int C>
void add_tile_fp32(const std::byte* weights, int64_t n, const float* x, float* sums) {
  typename V::F acc[C];
  NALAR_UNROLL
  for (int c = 0; c < C; ++c) {
    acc[c] = V::load_f(sums + 16 * c);
  }
  for (int64_t k = 0; k < n; ++k, x += C) {
    const typename V::F w = Weights::load(weights, k);
    NALAR_UNROLL
    for (int c = 0; c < C; ++c) {
      V::add_product(acc[c], w, x[c]);
    }
  }
  NALAR_UNROLL
  for (int c = 0; c < C; ++c) {
    V::store_f(sums + 16 * c, acc[c]);
  }
}

}  // namespace
}  // namespace nalar::kernels
