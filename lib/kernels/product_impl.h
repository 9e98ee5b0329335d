#pragma once

#include <nalar/dtype.h>

#include <bit>
#include <cstring>

#include "kernels/expand_impl.h"
#include "kernels/panels.h"
#include "kernels/product_operands.h"
#include "kernels/train_kernels.h"
#include "kernels/vector_impl.h"

// The product over lanes V, after Goto and van de Geijn, Anatomy of High-Performance Matrix
// Multiplication: a block of B (a block's depth x kColumns) is packed for the outer caches, one of
// A (kBlockRows x that depth) for the L2 cache, and a tile of C stays in registers.
namespace nalar::kernels {

// Of A and B, O says how elements along the depth become steps (product_operands.h).
template <class V, class O>
class Product : Panels<V> {
  using P = Panels<V>;
  using P::kRows, P::kVectors, P::kWidth;
  using Step = typename O::Step;

 public:
  explicit Product(const ProductCall& call)
      : call_(call),
        b_panels_(reinterpret_cast<Step*>(call.scratch)),
        a_rows_(b_panels_ + b_steps(call.n)) {}

  static size_t scratch_bytes(int64_t m, int64_t n, int64_t /*k*/) {
    return static_cast<size_t>(b_steps(n) + a_steps(m)) * sizeof(Step);
  }

  void run() const {
    if (call_.k == 0 && !call_.accumulate) clear();
    for (int64_t j = 0; j < call_.n; j += kColumns) {
      for (int64_t k = 0, depth = 0; k < call_.k; k += depth) {
        const int64_t columns = least(call_.n - j, kColumns);
        depth = product_block(call_.k - k, O::kDepth);
        call_.b_transposed ? pack_b_rows(j, k, columns, depth)
                           : pack_b_columns(j, k, columns, depth);
        for (int64_t i = 0; i < call_.m; i += kBlockRows) {
          const int64_t rows = least(call_.m - i, kBlockRows);
          pack_a(i, k, rows, depth);
          multiply({i, j, rows, columns, steps(depth), call_.accumulate || k > 0});
        }
      }
    }
  }

 private:
  static constexpr int64_t kBlockRows = 144 / kRows * kRows, kColumns = 512;
  static constexpr int64_t kMostDepth = O::kDepth + O::kDepth / 2;
  static constexpr int64_t kMostSteps = kMostDepth / O::kGroup * O::kSteps;
  static_assert(kColumns % kWidth == 0 && kColumns % kAcross == 0 && kBlockRows <= kAcross);

  static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
  static int64_t steps(int64_t depth) { return (depth + O::kGroup - 1) / O::kGroup * O::kSteps; }
  static int64_t b_steps(int64_t n) {
    return P::template whole<kWidth>(least(n, kColumns)) * kMostSteps;
  }
  static int64_t a_steps(int64_t m) {
    return P::template whole<kRows>(least(m, kBlockRows)) * kMostSteps;
  }

  // Elements [first, first + count) of a row of B, from the start of a block on; `room` is for
  // those that are not fp32 already.
  const float* expand(int64_t row, int64_t first, int64_t count, float* room) const {
    const std::byte* const data = call_.b + row * call_.b_stride;
    if (call_.b_type == DType::f32) return reinterpret_cast<const float*>(data) + first;
    const BlockSize block = block_size(call_.b_type);
    Expand<V>::row(call_.b_type, data + first / block.elements * block.bytes, count, room);
    return room;
  }

  void pack_b_rows(int64_t j, int64_t k, int64_t columns, int64_t depth) const {
    alignas(64) float room[kMostDepth];
    alignas(64) Step line[kMostSteps];
    const int64_t n = steps(depth);
    for (int64_t c = 0; c < P::template whole<kWidth>(columns); ++c) {
      Step* const panel = b_panels_ + c / kWidth * kWidth * n + c % kWidth;
      if (c < columns) {
        P::template put_column<kWidth>(O::along(expand(j + c, k, depth, room), depth, line), n,
                                       panel);
      } else {
        for (int64_t i = 0; i < n; ++i) panel[i * kWidth] = Step{};
      }
    }
  }
  void pack_b_columns(int64_t j, int64_t k, int64_t columns, int64_t depth) const {
    alignas(64) float room[O::kGroup][kAcross];
    alignas(64) Step made[O::kSteps * kAcross];
    const int64_t panel_size = steps(depth) * kWidth;
    for (int64_t c = 0; c < columns; c += kAcross) {
      const int64_t count = least(columns - c, kAcross);
      Step* panel = b_panels_ + c * steps(depth);
      for (int64_t i = 0; i < depth; i += O::kGroup) {
        Lines<float, O::kGroup> rows;
        for (int64_t g = 0; g < O::kGroup; ++g) {
          const bool there = i + g < depth;
          rows.line[g] = there ? expand(k + i + g, call_.b_column + j + c, count, room[g]) : kZeros;
        }
        for (const Step* line : O::across(rows, count, made).line) {
          P::template put_line<kWidth>(line, count, panel_size, panel);
          panel += kWidth;
        }
      }
    }
  }

  // A's rows one after the other, kMostSteps apart: a step over the depth reads one of each.
  void pack_a(int64_t i, int64_t k, int64_t rows, int64_t depth) const {
    call_.a_transposed ? pack_a_columns(i, k, rows, depth) : pack_a_rows(i, k, rows, depth);
    const int64_t n = steps(depth);
    for (int64_t r = rows; r < P::template whole<kRows>(rows); ++r) {
      std::memset(a_rows_ + r * kMostSteps, 0, static_cast<size_t>(n) * sizeof(Step));
    }
  }
  void pack_a_rows(int64_t i, int64_t k, int64_t rows, int64_t depth) const {
    for (int64_t r = 0; r < rows; ++r) {
      Step* const out = a_rows_ + r * kMostSteps;
      const Step* const made = O::along(call_.a + (i + r) * call_.a_stride + k, depth, out);
      if (made != out) std::memcpy(out, made, static_cast<size_t>(steps(depth)) * sizeof(Step));
    }
  }
  void pack_a_columns(int64_t i, int64_t k, int64_t rows, int64_t depth) const {
    alignas(64) Step made[O::kSteps * kAcross];
    for (int64_t d = 0, s = 0; d < depth; d += O::kGroup) {
      Lines<float, O::kGroup> from;
      for (int64_t g = 0; g < O::kGroup; ++g) {
        from.line[g] = d + g < depth ? call_.a + (k + d + g) * call_.a_stride + i : kZeros;
      }
      for (const Step* line : O::across(from, rows, made).line) {
        for (int64_t r = 0; r < rows; ++r) a_rows_[r * kMostSteps + s] = line[r];
        ++s;
      }
    }
  }

  struct Block {
    int64_t i, j, rows, columns, steps;
    bool add;
  };
  void multiply(const Block& block) const {
    for (int64_t j = 0; j < block.columns; j += kWidth) {
      for (int64_t i = 0, rows = 0; i < block.rows; i += rows) {
        rows = tile_rows(block.rows - i);
        const Block tile = {i + block.i, j + block.j, rows, least(block.columns - j, kWidth),
                            block.steps, block.add};
        fetch(tile);
        alignas(64) float sums[kRows * kWidth];
        multiply_tile<kRows, kVectors>(tile, {.a = a_rows_ + i * kMostSteps,
                                              .b = b_panels_ + j * block.steps,
                                              .b_step = kWidth,
                                              .depth = block.steps,
                                              .out = sums,
                                              .out_step = kWidth});
        store(tile, sums);
      }
    }
  }
  // The last two tiles share what is left for them.
  static int64_t tile_rows(int64_t left) {
    return left >= 2 * kRows || left <= kRows ? least(left, kRows) : (left + 1) / 2;
  }
  // With the smallest of the shapes of kRows or 1, 2, 4, … rows and C, C / 2, … vectors that holds
  // the tile.
  template <int R, int C>
  static void multiply_tile(const Block& size, const TileOf<Step>& call) {
    if constexpr (C > 1) {
      if (size.columns <= C / 2 * 16) return multiply_tile<R, C / 2>(size, call);
    }
    if constexpr (R > 1) {
      constexpr int kFewer = static_cast<int>(std::bit_floor(R - 1u));
      if (size.rows <= kFewer) return multiply_tile<kFewer, C>(size, call);
    }
    P::template tile<R, C, kMostSteps, 1, O>(call);
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

  alignas(64) static constexpr float kZeros[kAcross] = {};

  const ProductCall& call_;
  Step *const b_panels_, *const a_rows_;
};

template <class V, class O>
void product(const ProductCall& call) {
  Product<V, O>(call).run();
}

}  // namespace nalar::kernels
