#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/linear_kernels.h"
#include "kernels_support.h"
#include "support/catch.h"

using namespace nalar;
using namespace nalar::kernels;
using namespace nalar::test;

namespace {

struct Shape {
  int64_t rows, columns, tokens;
};

std::vector<float> random_floats(int64_t n, uint64_t seed) {
  Random random(seed);
  std::vector<float> out(static_cast<size_t>(n));
  for (float& x : out) {
    x = random.normal();
  }
  return out;
}

// Runs a Linear as the engine does.
class Runner {
 public:
  Runner(Isa isa, DType type, Operand operand, Shape shape, const std::vector<std::byte>& file_rows)
      : table_(linear_kernels(isa)),
        weights_(isa, type, file_rows, shape.rows, shape.columns),
        scratch_(table_.scratch_bytes(shape.columns)) {
    call_.type = type;
    call_.operand = operand;
    call_.weight = weights_.data();
    call_.rows = call_.row_end = shape.rows;
    call_.columns = shape.columns;
    call_.tokens = shape.tokens;
    call_.y_stride = shape.rows + 3;
    call_.scratch = scratch_.data();
  }

  LinearCall& call() { return call_; }

  // Activations in two parts, if there are tiles enough.
  void load(const std::vector<float>& x) {
    activations_ =
        base::AlignedBuffer(table_.activation_bytes(call_.operand, call_.tokens, call_.columns));
    const int64_t middle = std::min(call_.tokens, table_.tile);
    const auto load = [&](int64_t begin, int64_t end) {
      table_.load_activations(call_.operand, x.data(), call_.columns, begin, end, call_.tokens,
                              call_.columns, activations_.data());
    };
    load(0, middle);
    load(middle, call_.tokens);
    call_.activations = activations_.data();
  }

  std::vector<float> run(std::vector<float> y = {}) {
    y.resize(static_cast<size_t>(call_.tokens * call_.y_stride), -7.0f);
    call_.y = y.data();
    table_.linear(call_);
    return y;
  }

 private:
  const LinearKernels& table_;
  Weights weights_;
  base::AlignedBuffer activations_, scratch_;
  LinearCall call_;
};

std::vector<float> linear(Isa isa, DType type, Operand operand, Shape shape,
                          const std::vector<std::byte>& rows, const std::vector<float>& x) {
  Runner runner(isa, type, operand, shape, rows);
  runner.load(x);
  return runner.run();
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// The index of the first difference.
size_t first_difference(const std::vector<float>& a, const std::vector<float>& b) {
  size_t i = 0;
  while (i < a.size() && std::memcmp(&a[i], &b[i], sizeof(float)) == 0) {
    ++i;
  }
  return i;
}

void check_twin(DType type, Operand operand, Shape shape, Blocks blocks,
                const std::vector<float>& x) {
  const auto rows =
      random_rows(type, blocks, shape.rows, shape.columns, 17 + static_cast<uint64_t>(shape.rows));
  const auto expected = linear(Isa::scalar, type, operand, shape, rows, x);
  for (const Isa isa : available_isas()) {
    const auto got = linear(isa, type, operand, shape, rows, x);
    if (!same_bits(got, expected)) {
      const size_t i = first_difference(got, expected);
      CAPTURE(name(type), name(isa), static_cast<int>(operand), shape.rows, shape.columns,
              shape.tokens, i);
      CHECK(got[i] == expected[i]);
      FAIL("bits differ");
    }
  }
}

bool fits(DType type, Operand operand) { return operand == Operand::fp32 || is_quantized(type); }

}  // namespace

TEST_CASE("Every type on every instruction set gives the bits of the scalar twin") {
  for (const DType type : kWeightTypes) {
    const int64_t block = is_quantized(type) ? block_size(type).elements : 5;
    for (const Operand operand : {Operand::int8, Operand::fp32}) {
      if (!fits(type, operand)) {
        continue;
      }
      for (const int64_t rows : {1, 15, 16, 17, 48, 100}) {
        for (const int64_t tokens : {1, 2, 3, 4, 5, 7, 12, 13, 30}) {
          const Shape shape{rows, block * (1 + rows % 3), tokens};
          check_twin(type, operand, shape, Blocks::plain, random_floats(tokens * shape.columns, 5));
        }
      }
    }
  }
}

TEST_CASE("Rows longer than a panel, and more tokens than wait in scratch") {
  for (const DType type : kWeightTypes) {
    for (const Operand operand : {Operand::int8, Operand::fp32}) {
      if (!fits(type, operand)) {
        continue;
      }
      const int64_t columns = block_size(type).elements == 256 ? 768 : 608;
      check_twin(type, operand, {20, columns, 1}, Blocks::plain, random_floats(columns, 6));
      check_twin(type, operand, {20, columns, 27}, Blocks::plain, random_floats(27 * columns, 6));
    }
    check_twin(type, Operand::fp32, {3, 256, 250}, Blocks::plain, random_floats(250 * 256, 7));
    if (is_quantized(type)) {
      check_twin(type, Operand::int8, {3, 256, 250}, Blocks::plain, random_floats(250 * 256, 7));
    }
  }
}

TEST_CASE("Extreme scales and quants do not saturate anything") {
  for (const DType type : kWeightTypes) {
    if (!is_quantized(type)) {
      continue;
    }
    const Shape shape{33, 512, 14};
    // Every quant of an activation is -127 or 127, or zero because d is.
    auto x = random_floats(shape.tokens * shape.columns, 9);
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = i / 32 % 7 == 3 ? 0x1p-140f : x[i] < 0 ? -1e4f : 1e4f;
    }
    check_twin(type, Operand::int8, shape, Blocks::extreme, x);
    check_twin(type, Operand::int8, {33, 512, 1}, Blocks::extreme, x);
    check_twin(type, Operand::fp32, shape, Blocks::extreme,
               random_floats(shape.tokens * shape.columns, 9));
    // All of one sign: the largest sums.
    for (float& v : x) {
      v = 3.0f;
    }
    check_twin(type, Operand::int8, shape, Blocks::extreme, x);
    check_twin(type, Operand::int8, {33, 512, 2}, Blocks::extreme, x);
  }
}

TEST_CASE("A row, and a token, does not depend on what else is in the call") {
  for (const DType type : kWeightTypes) {
    for (const Operand operand : {Operand::int8, Operand::fp32}) {
      if (!fits(type, operand)) {
        continue;
      }
      const Shape shape{70, 512, 14};
      const auto rows = random_rows(type, Blocks::plain, shape.rows, shape.columns, 3);
      const auto x = random_floats(shape.tokens * shape.columns, 4);
      for (const Isa isa : available_isas()) {
        CAPTURE(name(type), name(isa), static_cast<int>(operand));
        Runner runner(isa, type, operand, shape, rows);
        runner.load(x);
        const auto all = runner.run();
        auto parts = all;
        std::fill(parts.begin(), parts.end(), -7.0f);
        for (int64_t row = 0; row < shape.rows; row += 32) {
          runner.call().row_begin = row;
          runner.call().row_end = std::min<int64_t>(row + 32, shape.rows);
          parts = runner.run(parts);
        }
        CHECK(same_bits(parts, all));
        for (const int64_t t : {0, 9, 13}) {
          const std::vector<float> one(x.begin() + t * shape.columns,
                                       x.begin() + (t + 1) * shape.columns);
          const auto y = linear(isa, type, operand, {shape.rows, shape.columns, 1}, rows, one);
          CHECK(std::memcmp(y.data(), &all[static_cast<size_t>(t * (shape.rows + 3))],
                            70 * sizeof(float)) == 0);
        }
      }
    }
  }
}

TEST_CASE("Bias comes before what y held, and nothing else of y is written") {
  for (const int64_t tokens : {1, 14}) {
    const Shape shape{19, 64, tokens};
    const auto rows = random_rows(DType::q5_1, Blocks::plain, shape.rows, shape.columns, 3);
    const auto x = random_floats(shape.tokens * shape.columns, 4);
    const auto bias = random_floats(shape.rows, 8);
    for (const Isa isa : available_isas()) {
      CAPTURE(name(isa), tokens);
      Runner runner(isa, DType::q5_1, Operand::int8, shape, rows);
      runner.load(x);
      const auto plain = runner.run();
      runner.call().bias = bias.data();
      runner.call().accumulate = true;
      const auto y = runner.run();
      for (int64_t t = 0; t < tokens; ++t) {
        for (int64_t r = 0; r < shape.rows + 3; ++r) {
          const auto i = static_cast<size_t>(t * (shape.rows + 3) + r);
          const float expected =
              r < shape.rows ? plain[i] + bias[static_cast<size_t>(r)] + -7.0f : -7.0f;
          REQUIRE(y[i] == expected);
        }
      }
    }
  }
}

TEST_CASE("int8 is within its rounding of fp32") {
  for (const DType type : kWeightTypes) {
    if (!is_quantized(type)) {
      continue;
    }
    const Shape shape{16, 512, 2};
    const auto rows = random_rows(type, Blocks::plain, shape.rows, shape.columns, 3);
    const auto x = random_floats(shape.tokens * shape.columns, 4);
    const auto exact = linear(Isa::scalar, type, Operand::fp32, shape, rows, x);
    const auto rounded = linear(Isa::scalar, type, Operand::int8, shape, rows, x);
    std::vector<float> w(512);
    for (int64_t r = 0; r < shape.rows; ++r) {
      linear_kernels(Isa::scalar).dequantize_row(type, rows.data(), shape.rows, 512, r, w.data());
      for (int64_t t = 0; t < shape.tokens; ++t) {
        double bound = 0;  // half a step of each activation, and the sums' own rounding
        for (size_t k = 0; k < 512; k += 32) {
          double largest = 0, weight = 0, product = 0;
          for (size_t i = k; i < k + 32; ++i) {
            const double v = x[static_cast<size_t>(t) * 512 + i];
            largest = std::max(largest, std::fabs(v));
            weight += std::fabs(w[i]);
            product += std::fabs(w[i] * v);
          }
          bound += largest / 127 * 0.5001 * weight + product * 512 * 0x1p-22;
        }
        const auto i = static_cast<size_t>(t * (shape.rows + 3) + r);
        CAPTURE(name(type), r, t);
        CHECK(std::fabs(exact[i] - rounded[i]) <= bound);
      }
    }
  }
}

TEST_CASE(
    "A NaN or an infinity among the activations reaches every output of its token, and no other") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const Shape shape{16, 64, 3};
    const auto rows = random_rows(DType::q8_0, Blocks::plain, shape.rows, shape.columns, 3);
    auto x = random_floats(shape.tokens * shape.columns, 4);
    x[64 + 40] = bad;
    for (const Isa isa : available_isas()) {
      const auto y = linear(isa, DType::q8_0, Operand::int8, shape, rows, x);
      for (size_t r = 0; r < 16; ++r) {
        CHECK(std::isfinite(y[r]));
        CHECK(!std::isfinite(y[19 + r]));
        CHECK(std::isfinite(y[38 + r]));
      }
    }
  }
}
