#include "quant/triangular.h"

#include <cmath>
#include <cstring>

#include "kernels/isa.h"

namespace nalar::quant {
namespace {

constexpr int64_t kSize = Blocks::kSize;

const std::byte* bytes(const float* p) { return reinterpret_cast<const std::byte*>(p); }
int64_t in_bytes(int64_t floats) { return floats * static_cast<int64_t>(sizeof(float)); }

// R upper triangular with R R^T = A, in place, from the last column on; false where there is none.
bool reverse_cholesky(double* a, int64_t n) {
  std::vector<double> column(static_cast<size_t>(n));
  for (int64_t j = n - 1; j >= 0; --j) {
    const double square = a[j * n + j];
    if (!(square > 0 && std::isfinite(square))) return false;
    const double corner = std::sqrt(square);
    for (int64_t i = 0; i < j; ++i) column[static_cast<size_t>(i)] = a[i * n + j] / corner;
    for (int64_t i = 0; i < j; ++i) {
      double* const row = a + i * n;
      const double factor = column[static_cast<size_t>(i)];
      for (int64_t k = i; k < j; ++k) row[k] -= factor * column[static_cast<size_t>(k)];
      row[j] = factor;
    }
    a[j * n + j] = corner;
  }
  return true;
}

// U = R^-1, both upper triangular; the triangle below becomes 0.
void invert_upper(const double* r, int64_t n, double* u) {
  for (int64_t i = n - 1; i >= 0; --i) {
    double* const row = u + i * n;
    for (int64_t j = 0; j < n; ++j) row[j] = i == j;
    for (int64_t k = i + 1; k < n; ++k) {
      const double factor = r[i * n + k];
      for (int64_t j = k; j < n; ++j) row[j] -= factor * u[k * n + j];
    }
    for (int64_t j = i; j < n; ++j) row[j] /= r[i * n + i];
  }
}

}  // namespace

std::byte* Products::Thread::scratch(size_t needed) {
  if (scratch_.size() < needed) scratch_ = base::AlignedBuffer(needed);
  return scratch_.data();
}

void Products::Thread::product(kernels::ProductCall call) {
  const kernels::TrainKernels& kernels = kernels::train_kernels(kernels::chosen_isa());
  call.scratch = scratch(kernels.product_scratch(call.m, call.n, call.k));
  kernels.product(call);
}

void Products::Thread::fast_product(kernels::ProductCall call) {
  const kernels::Isa isa = kernels::chosen_isa();
  if (isa != kernels::Isa::avx512bf16) return product(call);
  const kernels::TrainKernels& kernels = kernels::train_kernels(isa);
  call.scratch = scratch(kernels.bf16_product_scratch(call.m, call.n, call.k));
  kernels.bf16_product(call);
}

float* Products::room(int64_t floats) {
  const auto needed = static_cast<size_t>(in_bytes(floats));
  if (room_.size() < needed) room_ = base::AlignedBuffer(needed);
  return room_.as<float>();
}

void solve(MatrixView<const float> u, MatrixView<float> rows, Products::Thread& thread) {
  const Blocks blocks(rows.columns);
  for (int64_t b = 0; b < blocks.count(); ++b) {
    const int64_t begin = blocks.begin(b), end = begin + blocks.size(b);
    for (int64_t r = 0; r < rows.rows; ++r) {
      float* const y = rows.row(r);
      for (int64_t i = begin; i < end; ++i) {
        const float* const of_i = u.row(i);
        y[i] /= of_i[i];
        for (int64_t j = i + 1; j < end; ++j) y[j] -= of_i[j] * y[i];
      }
    }
    if (end == rows.columns) return;
    thread.product({.m = rows.rows,
                    .n = rows.columns - end,
                    .k = end - begin,
                    .a = rows.data + begin,
                    .a_stride = rows.stride,
                    .b = bytes(u.row(begin) + end),
                    .b_stride = in_bytes(u.stride),
                    .c = rows.data + end,
                    .c_stride = rows.stride,
                    .alpha = -1,
                    .accumulate = true});
  }
}

InverseFactor::InverseFactor(MatrixView<float> a, int threads)
    : a_(a),
      blocks_(a.columns),
      products_(threads),
      diagonal_(static_cast<size_t>(blocks_.count() * kSize * kSize)),
      panel_(static_cast<size_t>(a.columns * kSize)) {
  products_.tiles(blocks_.count(), [&](int64_t i, int64_t j, Products::Thread&) {
    float* const kept = i == j ? diagonal_.data() + i * kSize * kSize : block(j, i);
    const int64_t stride = i == j ? kSize : a_.stride;
    for (int64_t r = 0; r < blocks_.size(i); ++r) {
      for (int64_t c = 0; c < blocks_.size(j); ++c) {
        kept[c * stride + r] = block(i, j)[r * a_.stride + c];
      }
    }
  });
}

bool InverseFactor::run(double scale, double lambda) {
  restore(scale, lambda);
  if (!cholesky()) return false;
  invert();
  return true;
}

void InverseFactor::restore(double scale, double lambda) {
  const auto factor = static_cast<float>(scale);
  products_.tiles(blocks_.count(), [&](int64_t i, int64_t j, Products::Thread&) {
    const float* const kept = i == j ? diagonal_.data() + i * kSize * kSize : block(j, i);
    const int64_t stride = i == j ? kSize : a_.stride;
    for (int64_t r = 0; r < blocks_.size(i); ++r) {
      float* const row = block(i, j) + r * a_.stride;
      for (int64_t c = 0; c < blocks_.size(j); ++c) row[c] = factor * kept[c * stride + r];
      if (i == j) row[r] += static_cast<float>(lambda);
    }
  });
}

// Blocks above the diagonal become those of R, blocks on it those of U.
bool InverseFactor::cholesky() {
  std::vector<double> r(static_cast<size_t>(kSize * kSize)), u(r.size());
  for (int64_t j = blocks_.count() - 1; j >= 0; --j) {
    const int64_t n = blocks_.size(j);
    float* const corner = block(j, j);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t k = 0; k < n; ++k) r[static_cast<size_t>(i * n + k)] = corner[i * a_.stride + k];
    }
    if (!reverse_cholesky(r.data(), n)) return false;
    invert_upper(r.data(), n, u.data());
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t k = 0; k < n; ++k) {
        corner[i * a_.stride + k] = static_cast<float>(u[static_cast<size_t>(i * n + k)]);
      }
    }
    // R_ij = A_ij R_jj^-T
    products_.each(j, [&](int64_t i, Products::Thread& thread) {
      float* const part = panel_.data() + i * kSize * kSize;
      thread.product({.m = kSize,
                      .n = n,
                      .k = n,
                      .a = block(i, j),
                      .a_stride = a_.stride,
                      .b = bytes(corner),
                      .b_stride = in_bytes(a_.stride),
                      .b_transposed = true,
                      .c = part,
                      .c_stride = n});
      for (int64_t k = 0; k < kSize; ++k) {
        std::memcpy(block(i, j) + k * a_.stride, part + k * n, static_cast<size_t>(in_bytes(n)));
      }
    });
    // A_ik −= R_ij R_kj^T
    products_.tiles(j, [&](int64_t i, int64_t k, Products::Thread& thread) {
      thread.product({.m = kSize,
                      .n = kSize,
                      .k = n,
                      .a = block(i, j),
                      .a_stride = a_.stride,
                      .b = bytes(block(k, j)),
                      .b_stride = in_bytes(a_.stride),
                      .b_transposed = true,
                      .c = block(i, k),
                      .c_stride = a_.stride,
                      .alpha = -1,
                      .accumulate = true});
    });
  }
  return true;
}

// U_ij = −(Σ_{i ≤ k < j} U_ik R_kj) U_jj
void InverseFactor::invert() {
  for (int64_t j = 1; j < blocks_.count(); ++j) {
    const int64_t n = blocks_.size(j);
    products_.each(j, [&](int64_t i, Products::Thread& thread) {
      thread.product({.m = kSize,
                      .n = n,
                      .k = (j - i) * kSize,
                      .a = block(i, i),
                      .a_stride = a_.stride,
                      .b = bytes(block(i, j)),
                      .b_stride = in_bytes(a_.stride),
                      .c = panel_.data() + i * kSize * kSize,
                      .c_stride = n});
    });
    products_.each(j, [&](int64_t i, Products::Thread& thread) {
      thread.product({.m = kSize,
                      .n = n,
                      .k = n,
                      .a = panel_.data() + i * kSize * kSize,
                      .a_stride = n,
                      .b = bytes(block(j, j)),
                      .b_stride = in_bytes(a_.stride),
                      .c = block(i, j),
                      .c_stride = a_.stride,
                      .alpha = -1});
    });
  }
}

}  // namespace nalar::quant
