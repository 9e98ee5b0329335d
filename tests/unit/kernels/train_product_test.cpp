#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/scalar/plain_block.h"
#include "kernels/train_kernels.h"
#include "kernels_support.h"
#include "support/catch.h"

namespace nalar::kernels {
namespace {

struct Shape {
  int64_t m, n, k;
  bool a_transposed = false, b_transposed = true;
  DType b_type = DType::f32;
  float alpha = 1;
  bool accumulate = false;
  int64_t b_column = 0;
  bool bf16 = false;
};

// To the nearest bf16 by comparing the two neighbours.
float nearest_bf16(float x) {
  if (std::fabs(x) < std::numeric_limits<float>::min()) return std::copysign(0.0f, x);
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  const uint32_t below_bits = bits & 0xffff0000, above_bits = below_bits + 0x10000;
  float below, above;
  std::memcpy(&below, &below_bits, 4);
  std::memcpy(&above, &above_bits, 4);
  const float to_below = std::fabs(x - below), to_above = std::fabs(above - x);
  if (to_below == to_above) return (below_bits >> 16) % 2 == 0 ? below : above;
  return to_below < to_above ? below : above;
}

float normal_or_zero(float x) {
  return std::fabs(x) < std::numeric_limits<float>::min() ? std::copysign(0.0f, x) : x;
}

// The operands of a product, rows apart by more than their length.
class Case {
 public:
  explicit Case(const Shape& shape) : shape_(shape) {
    test::Random random(7);
    a_stride_ = (shape.a_transposed ? shape.m : shape.k) + 3;
    a_ = normal(random, (shape.a_transposed ? shape.k : shape.m) * a_stride_);
    c_stride_ = shape.n + 5;
    c_ = normal(random, shape.m * c_stride_);
    const BlockSize block = block_size(shape.b_type);
    const int64_t length = shape.b_transposed ? shape.k : shape.b_column + shape.n;
    columns_ = (length + block.elements - 1) / block.elements * block.elements;
    rows_ = shape.b_transposed ? shape.n : shape.k;
    b_ = test::random_rows(shape.b_type, test::Blocks::plain, rows_, columns_, 3);
  }

  std::vector<float> run(Isa isa) const {
    const TrainKernels& kernels = train_kernels(isa);
    const auto scratch_size = shape_.bf16 ? kernels.bf16_product_scratch : kernels.product_scratch;
    const auto product = shape_.bf16 ? kernels.bf16_product : kernels.product;
    const size_t size = scratch_size(shape_.m, shape_.n, shape_.k);
    const base::AlignedBuffer scratch(size + 64);
    std::memset(scratch.data(), 0xff, size + 64);  // NaNs: what is read must have been written
    std::vector<float> c = c_;
    product({.m = shape_.m,
             .n = shape_.n,
             .k = shape_.k,
             .a = a_.data(),
             .a_stride = a_stride_,
             .a_transposed = shape_.a_transposed,
             .b_type = shape_.b_type,
             .b = b_.data(),
             .b_stride = row_bytes(),
             .b_column = shape_.b_column,
             .b_transposed = shape_.b_transposed,
             .c = c.data(),
             .c_stride = c_stride_,
             .alpha = shape_.alpha,
             .accumulate = shape_.accumulate,
             .scratch = scratch.data()});
    for (size_t i = size; i < size + 64; ++i) REQUIRE(scratch.data()[i] == std::byte{0xff});
    return c;
  }

  // The same chains of fma, in loops.
  std::vector<float> chains() const {
    std::vector<float> b(static_cast<size_t>(rows_ * columns_));
    for (int64_t r = 0; r < rows_ && columns_ > 0; ++r) {
      dequantize_file_row(shape_.b_type, b_.data() + r * row_bytes(), columns_,
                          b.data() + r * columns_);
    }
    std::vector<float> c = c_;
    for (int64_t i = 0; i < shape_.m; ++i) {
      for (int64_t j = 0; j < shape_.n; ++j) {
        float& out = c[index(i * c_stride_ + j)];
        if (shape_.k == 0 && !shape_.accumulate) out = 0;
        for (int64_t k = 0; k < shape_.k;) {
          const bool add = shape_.accumulate || k > 0;
          const int64_t depth = shape_.bf16 ? kBf16ProductDepth : kProductDepth;
          const int64_t end = k + product_block(shape_.k - k, depth);
          const auto a_at = [&](int64_t d) {
            return a_[index(shape_.a_transposed ? d * a_stride_ + i : i * a_stride_ + d)];
          };
          const auto b_at = [&](int64_t d) {
            return b[index(shape_.b_transposed ? j * columns_ + d
                                               : d * columns_ + shape_.b_column + j)];
          };
          float sum = 0;
          for (; k < end && !shape_.bf16; ++k) sum = std::fma(a_at(k), b_at(k), sum);
          for (; k < end; k += 2) {
            const float odd_a = k + 1 < end ? nearest_bf16(a_at(k + 1)) : 0;
            const float odd_b = k + 1 < end ? nearest_bf16(b_at(k + 1)) : 0;
            sum = normal_or_zero(std::fma(odd_a, odd_b, sum));
            sum = normal_or_zero(std::fma(nearest_bf16(a_at(k)), nearest_bf16(b_at(k)), sum));
          }
          k = end;
          out = add ? std::fma(shape_.alpha, sum, out) : shape_.alpha * sum;
        }
      }
    }
    return c;
  }

 private:
  static size_t index(int64_t i) { return static_cast<size_t>(i); }
  static std::vector<float> normal(test::Random& random, int64_t n) {
    std::vector<float> v(index(n));
    for (float& x : v) x = random.normal();
    return v;
  }
  int64_t row_bytes() const {
    const BlockSize block = block_size(shape_.b_type);
    return columns_ / block.elements * block.bytes;
  }

  Shape shape_;
  int64_t a_stride_, c_stride_, rows_, columns_;
  std::vector<float> a_, c_;
  std::vector<std::byte> b_;
};

void check(const Shape& shape) {
  const Case c(shape);
  const std::vector<float> want = c.chains();
  for (const Isa isa : available_isas()) {
    INFO(name(isa) << " " << name(shape.b_type) << " m " << shape.m << " n " << shape.n << " k "
                   << shape.k << " transposed " << shape.a_transposed << shape.b_transposed
                   << (shape.bf16 ? " in bf16" : ""));
    const std::vector<float> got = c.run(isa);
    REQUIRE(got.size() == want.size());
    if (want.empty()) continue;  // whose data() may be no address
    REQUIRE(std::memcmp(got.data(), want.data(), want.size() * sizeof(float)) == 0);
  }
}

}  // namespace

TEST_CASE("a product is its chains of fma, in every orientation and size") {
  for (const bool bf16 : {false, true}) {
    const auto of = [&](int64_t m, int64_t n, int64_t k, bool a_transposed, bool b_transposed) {
      check({.m = m,
             .n = n,
             .k = k,
             .a_transposed = a_transposed,
             .b_transposed = b_transposed,
             .bf16 = bf16});
    };
    for (const bool a : {false, true}) {
      for (const bool b : {false, true}) {
        for (const int64_t m : {0, 1, 2, 6, 7, 17}) {
          for (const int64_t n : {0, 1, 15, 16, 17, 33, 50}) {
            for (const int64_t k : {0, 1, 16, 33, 47}) of(m, n, k, a, b);
          }
        }
        for (const int64_t k : {384, 600, 700, 769, 1300}) of(5, 19, k, a, b);  // blocks of K
        of(150, 20, 3, a, b);                                                   // two of M
        of(3, 1030, 5, a, b);                                                   // three of N
      }
    }
  }
}

TEST_CASE("a product is scaled and added to what is there") {
  for (const bool bf16 : {false, true}) {
    for (const float alpha : {1.0f, -0.3f, 0.0f}) {
      for (const int64_t k : {0, 20, 900}) {
        check({9, 21, k, false, true, DType::f32, alpha, true, 0, bf16});
        check({9, 21, k, true, false, DType::f32, alpha, false, 0, bf16});
      }
    }
  }
}

TEST_CASE("a product expands every type of weight, along rows and from a column on") {
  for (const bool bf16 : {false, true}) {
    for (const DType type : test::kWeightTypes) {
      check({7, 18, 1024, false, true, type, 1, false, 0, bf16});
      check({7, 300, 9, false, false, type, 1, false, 0, bf16});
      check({7, 40, 9, false, false, type, 1, false, 256, bf16});
    }
  }
}

TEST_CASE("scratch of a product is bounded") {
  for (const Isa isa : available_isas()) {
    constexpr int64_t kMany = 1 << 30;
    CHECK(train_kernels(isa).product_scratch(kMany, kMany, kMany) <= 2 << 20);
    CHECK(train_kernels(isa).bf16_product_scratch(kMany, kMany, kMany) <= 2 << 20);
  }
}

}  // namespace nalar::kernels
