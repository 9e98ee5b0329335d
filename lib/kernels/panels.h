#pragma once

#include <cstdint>

#include "kernels/simd/unroll.h"

// Small matrix products over lanes V. Operands lie in panels, so that one step over the depth k
// reads both at consecutive addresses:
//   a panel of a [K][kRows]   kRows rows of the result
//   a panel of b [K][kWidth]  kWidth columns of it
// An element of the result is a chain of fma over k in order, whatever the shape of the tile.
namespace nalar::kernels {

// out[r][c] = Σ a[r][k] b[k][c], or += where `add`: the chain then starts with what is there.
template <class Step>
struct TileOf {
  const Step* a = nullptr;
  const Step* b = nullptr;
  int64_t b_step = 0;  // from k to k + 1
  int64_t depth = 0;
  float* out = nullptr;
  int64_t out_step = 0;  // floats from row to row
  bool add = false;
};
using TileCall = TileOf<float>;

// What one step over the depth is: fp32 elements, multiplied and added in one rounding.
template <class V>
struct Fp32Arithmetic {
  using Step = float;
  using Vector = V;
  static V multiply_add(V a, V b, V sum) { return fma(a, b, sum); }
};

template <class V>
struct Panels {
  static constexpr int kRows = V::kProductRows;
  static constexpr int kVectors = V::kProductVectors;
  static constexpr int kWidth = 16 * kVectors;

  // A tile of R rows and C vectors; a[r][k] lies at a + r * a_row + k * a_step.
  template <int R, int C, int a_row, int a_step, class Arithmetic = Fp32Arithmetic<V>>
  static void tile(const TileOf<typename Arithmetic::Step>& call) {
    using Step = typename Arithmetic::Step;
    using Vector = typename Arithmetic::Vector;
    V acc[R][C];
    NALAR_UNROLL for (int r = 0; r < R; ++r) {
      NALAR_UNROLL for (int c = 0; c < C; ++c) {
        acc[r][c] = call.add ? V::load(call.out + r * call.out_step + 16 * c) : V::set(0.0f);
      }
    }
    const Step *a = call.a, *b = call.b;
    for (int64_t k = 0; k < call.depth; ++k, a += a_step, b += call.b_step) {
      Vector columns[C];
      NALAR_UNROLL for (int c = 0; c < C; ++c) columns[c] = Vector::load(b + 16 * c);
      NALAR_UNROLL for (int r = 0; r < R; ++r) {
        const Vector value = Vector::set(a[r * a_row]);
        NALAR_UNROLL for (int c = 0; c < C; ++c) {
          acc[r][c] = Arithmetic::multiply_add(value, columns[c], acc[r][c]);
        }
      }
    }
    NALAR_UNROLL for (int r = 0; r < R; ++r) {
      NALAR_UNROLL for (int c = 0; c < C; ++c) acc[r][c].store(call.out + r * call.out_step +
                                                               16 * c);
    }
  }
  // The whole tile of two panels.
  static void whole_tile(const TileCall& call) { tile<kRows, kVectors, 1, kRows>(call); }

  // panel[k][0] = row[k]: a row becomes a column of a panel of width W.
  template <int W, class Step>
  static void put_column(const Step* row, int64_t depth, Step* panel) {
    for (int64_t k = 0; k < depth; ++k) panel[k * W] = row[k];
  }
  // panel[c / W][c % W] = row[c]: a row becomes one line of panels that are panel_size floats
  // apart, the last filled up with zeros.
  template <int W, class Step>
  static void put_line(const Step* row, int64_t columns, int64_t panel_size, Step* panel) {
    for (; columns >= W; columns -= W, row += W, panel += panel_size) {
      for (int c = 0; c < W; ++c) panel[c] = row[c];
    }
    if (columns == 0) return;
    for (int c = 0; c < W; ++c) panel[c] = c < columns ? row[c] : Step{};
  }

  struct Rows {
    const float* data;
    int64_t stride;
    int64_t count, columns;
  };
  // Panels over the rows, their depth the columns. Rows up to a whole panel are zeros.
  template <int W>
  static void pack_rows(const Rows& rows, float* panels) {
    for (int64_t r = 0; r < whole<W>(rows.count); ++r) {
      float* const panel = panels + r / W * W * rows.columns + r % W;
      if (r < rows.count) {
        put_column<W>(rows.data + r * rows.stride, rows.columns, panel);
      } else {
        for (int64_t k = 0; k < rows.columns; ++k) panel[k * W] = 0;
      }
    }
  }
  // Panels over the columns, their depth the rows, and zeros from there to `depth`.
  template <int W>
  static void pack_columns(const Rows& rows, int64_t depth, float* panels) {
    for (int64_t k = 0; k < rows.count; ++k) {
      put_line<W>(rows.data + k * rows.stride, rows.columns, depth * W, panels + k * W);
    }
    for (int64_t c = 0; c < whole<W>(rows.columns); c += W) {
      float* const panel = panels + c * depth;
      for (int64_t i = rows.count * W; i < depth * W; ++i) panel[i] = 0;
    }
  }

  // The least multiple of W that is not less than n.
  template <int W>
  static constexpr int64_t whole(int64_t n) {
    return (n + W - 1) / W * W;
  }
};

}  // namespace nalar::kernels
