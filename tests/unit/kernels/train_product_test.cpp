#include <cmath>
#include <cstring>
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
};

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
    const size_t size = kernels.product_scratch(shape_.m, shape_.n, shape_.k);
    const base::AlignedBuffer scratch(size + 64);
    std::memset(scratch.data(), 0xff, size + 64);  // NaNs: what is read must have been written
    std::vector<float> c = c_;
    kernels.product({.m = shape_.m,
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
          float sum = 0;
          for (const int64_t end = std::min(k + kProductDepth, shape_.k); k < end; ++k) {
            const int64_t in_a = shape_.a_transposed ? k * a_stride_ + i : i * a_stride_ + k;
            const int64_t in_b =
                shape_.b_transposed ? j * columns_ + k : k * columns_ + shape_.b_column + j;
            sum = std::fma(a_[index(in_a)], b[index(in_b)], sum);
          }
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
                   << shape.k << " transposed " << shape.a_transposed << shape.b_transposed);
    const std::vector<float> got = c.run(isa);
    REQUIRE(got.size() == want.size());
    if (want.empty()) continue;  // whose data() may be no address
    REQUIRE(std::memcmp(got.data(), want.data(), want.size() * sizeof(float)) == 0);
  }
}

}  // namespace

TEST_CASE("a product is its chains of fma, in every orientation and size") {
  for (const bool a_transposed : {false, true}) {
    for (const bool b_transposed : {false, true}) {
      for (const int64_t m : {0, 1, 2, 6, 7, 17}) {
        for (const int64_t n : {0, 1, 15, 16, 17, 33, 50}) {
          for (const int64_t k : {0, 1, 16, 40}) check({m, n, k, a_transposed, b_transposed});
        }
      }
      check({5, 19, 600, a_transposed, b_transposed});  // three blocks of K
      check({150, 20, 3, a_transposed, b_transposed});  // two of M
      check({3, 1030, 5, a_transposed, b_transposed});  // two of N
    }
  }
}

TEST_CASE("a product is scaled and added to what is there") {
  for (const float alpha : {1.0f, -0.3f, 0.0f}) {
    for (const int64_t k : {0, 20, 300}) {
      check({9, 21, k, false, true, DType::f32, alpha, true});
      check({9, 21, k, true, false, DType::f32, alpha, false});
    }
  }
}

TEST_CASE("a product expands every type of weight, along rows and from a column on") {
  for (const DType type : test::kWeightTypes) {
    check({7, 18, 512, false, true, type});
    check({7, 300, 9, false, false, type});
    check({7, 40, 9, false, false, type, 1, false, 256});
  }
}

TEST_CASE("scratch of a product is bounded") {
  for (const Isa isa : available_isas()) {
    constexpr int64_t kMany = 1 << 30;
    CHECK(train_kernels(isa).product_scratch(kMany, kMany, kMany) <= 2 << 20);
  }
}

}  // namespace nalar::kernels
