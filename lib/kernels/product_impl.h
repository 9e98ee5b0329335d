#pragma once

#include <nalar/dtype.h>

#include "kernels/expand_impl.h"
#include "kernels/panels.h"
#include "kernels/train_kernels.h"
#include "kernels/vector_impl.h"

// The product over lanes V, after Goto and van de Geijn, Anatomy of High-Performance Matrix
// Multiplication: a block of B (kProductDepth x kColumns) is packed for the outer caches, one of A
// (kBlockRows x kProductDepth) for the L2 cache, and a tile of C stays in registers.
namespace nalar::kernels {

template <class V>
class Product : Panels<V> {
  using P = Panels<V>;
  using P::kRows, P::kVectors, P::kWidth;

 public:
  explicit Product(const ProductCall& call)
      : call_(call),
        b_panels_(reinterpret_cast<float*>(call.scratch)),
        a_panels_(b_panels_ + b_floats(call.n)) {}

  static size_t scratch_bytes(int64_t m, int64_t n, int64_t /*k*/) {
    return static_cast<size_t>(b_floats(n) + a_floats(m)) * sizeof(float);
  }

  void run() const {
    if (call_.k == 0 && !call_.accumulate) clear();
    for (int64_t j = 0; j < call_.n; j += kColumns) {
      for (int64_t k = 0; k < call_.k; k += kProductDepth) {
        const int64_t columns = least(call_.n - j, kColumns),
                      depth = least(call_.k - k, kProductDepth);
        call_.b_transposed ? pack_b_rows(j, k, columns, depth)
                           : pack_b_columns(j, k, columns, depth);
        for (int64_t i = 0; i < call_.m; i += kBlockRows) {
          const int64_t rows = least(call_.m - i, kBlockRows);
          pack_a(i, k, rows, depth);
          multiply({i, j, rows, columns, depth, call_.accumulate || k > 0});
        }
      }
    }
  }

 private:
  static constexpr int64_t kBlockRows = 144 / kRows * kRows, kColumns = 1024;
  static_assert(kColumns % kWidth == 0 && kColumns % kProductDepth == 0);

  static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
  static int64_t b_floats(int64_t n) {
    return P::template whole<kWidth>(least(n, kColumns)) * kProductDepth;
  }
  static int64_t a_floats(int64_t m) {
    return P::template whole<kRows>(least(m, kBlockRows)) * kProductDepth;
  }

  // Elements [first, first + count) of a row of B, at most kProductDepth and from the start of a
  // block on; `room` is for those that are not fp32 already.
  const float* expand(int64_t row, int64_t first, int64_t count, float* room) const {
    const std::byte* const data = call_.b + row * call_.b_stride;
    if (call_.b_type == DType::f32) return reinterpret_cast<const float*>(data) + first;
    const BlockSize block = block_size(call_.b_type);
    Expand<V>::row(call_.b_type, data + first / block.elements * block.bytes, count, room);
    return room;
  }

  void pack_b_rows(int64_t j, int64_t k, int64_t columns, int64_t depth) const {
    alignas(64) float room[kProductDepth];
    for (int64_t c = 0; c < P::template whole<kWidth>(columns); ++c) {
      float* const panel = b_panels_ + c / kWidth * kWidth * depth + c % kWidth;
      if (c < columns) {
        P::template put_column<kWidth>(expand(j + c, k, depth, room), depth, panel);
      } else {
        for (int64_t i = 0; i < depth; ++i) panel[i * kWidth] = 0;
      }
    }
  }
  void pack_b_columns(int64_t j, int64_t k, int64_t columns, int64_t depth) const {
    alignas(64) float room[kProductDepth];
    for (int64_t c = 0; c < columns; c += kProductDepth) {
      const int64_t count = least(columns - c, kProductDepth);
      for (int64_t i = 0; i < depth; ++i) {
        const float* const row = expand(k + i, call_.b_column + j + c, count, room);
        P::template put_line<kWidth>(row, count, depth * kWidth,
                                     b_panels_ + c * depth + i * kWidth);
      }
    }
  }
  void pack_a(int64_t i, int64_t k, int64_t rows, int64_t depth) const {
    const int64_t stride = call_.a_stride;
    if (call_.a_transposed) {
      P::template pack_columns<kRows>({call_.a + k * stride + i, stride, depth, rows}, depth,
                                      a_panels_);
    } else {
      P::template pack_rows<kRows>({call_.a + i * stride + k, stride, rows, depth}, a_panels_);
    }
  }

  struct Block {
    int64_t i, j, rows, columns, depth;
    bool add;
  };
  void multiply(const Block& block) const {
    for (int64_t j = 0; j < block.columns; j += kWidth) {
      for (int64_t i = 0; i < block.rows; i += kRows) {
        const Block tile = {i + block.i,
                            j + block.j,
                            least(block.rows - i, kRows),
                            least(block.columns - j, kWidth),
                            block.depth,
                            block.add};
        fetch(tile);
        alignas(64) float sums[kRows * kWidth];
        multiply_tile<kRows, kVectors>(tile, {.a = a_panels_ + i * block.depth,
                                              .b = b_panels_ + j * block.depth,
                                              .b_step = kWidth,
                                              .depth = block.depth,
                                              .out = sums,
                                              .out_step = kWidth});
        store(tile, sums);
      }
    }
  }
  // With the smallest of the shapes R, R / 2, … x C, C / 2, … that holds the tile.
  template <int R, int C>
  static void multiply_tile(const Block& size, const TileCall& call) {
    if constexpr (C > 1) {
      if (size.columns <= C / 2 * 16) return multiply_tile<R, C / 2>(size, call);
    }
    if constexpr (R > 1) {
      if (size.rows <= R / 2) return multiply_tile<R / 2, C>(size, call);
    }
    P::template tile<R, C, 1, kRows>(call);
  }

  // C is too far apart for the hardware to see it coming.
  void fetch(const Block& tile) const {
    for (int64_t r = 0; r < tile.rows; ++r) {
      const float* const c = call_.c + (tile.i + r) * call_.c_stride + tile.j;
      for (int64_t i = 0; i < tile.columns; i += 16) __builtin_prefetch(c + i, 1);
      __builtin_prefetch(c + tile.columns - 1, 1);
    }
  }
  void store(const Block& tile, const float* sums) const {
    const V alpha = V::set(call_.alpha);
    for (int64_t r = 0; r < tile.rows; ++r) {
      float* const c = call_.c + (tile.i + r) * call_.c_stride + tile.j;
      VectorImpl<V>::blocks(tile.columns, [&](int64_t i, int64_t n) {
        const V sum = V::load(sums + r * kWidth + i);
        VectorImpl<V>::store(
            tile.add ? fma(alpha, sum, VectorImpl<V>::load(c + i, n)) : alpha * sum, c + i, n);
      });
    }
  }
  void clear() const {
    for (int64_t i = 0; i < call_.m; ++i) {
      for (int64_t j = 0; j < call_.n; ++j) call_.c[i * call_.c_stride + j] = 0;
    }
  }

  const ProductCall& call_;
  float *const b_panels_, *const a_panels_;
};

template <class V>
void product(const ProductCall& call) {
  Product<V>(call).run();
}

}  // namespace nalar::kernels
