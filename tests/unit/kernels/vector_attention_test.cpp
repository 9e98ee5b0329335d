#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/vector_kernels.h"
#include "support/catch.h"

namespace nalar::kernels {
namespace {

constexpr double kUnit = 0x1p-24;

struct Shape {
  KvType type = KvType::half;
  int head_dim = 64;
  int keys = 200;
  int window = 0;
  float softcap = 0;
};

// Keys and values of one kv head in pages, and some query rows.
class Case {
 public:
  explicit Case(const Shape& shape) : shape_(shape) {
    std::mt19937 random(11);
    std::normal_distribution<float> normal(0, 1);
    const size_t page = page_bytes();
    const int n_pages = (shape.keys + kKvPage - 1) / kKvPage;
    for (int p = 0; p < n_pages; ++p) {
      pages_.emplace_back(2 * page);
      blocks_.push_back(pages_.back().data());
    }
    for (auto* list : {&k_, &v_}) {
      list->resize(static_cast<size_t>(shape.keys * shape.head_dim));
      for (float& x : *list) x = static_cast<float>(static_cast<int>(normal(random) * 256)) / 256;
    }
    for (int i = 0; i < shape.keys; ++i) {
      std::byte* const block = pages_[static_cast<size_t>(i / kKvPage)].data();
      vector_kernels(Isa::scalar)
          .store_kv(shape.type, k(i), v(i), shape.head_dim, i % kKvPage, block, block + page);
    }
    q_.resize(static_cast<size_t>(shape.keys * shape.head_dim));
    for (float& x : q_) x = normal(random);
  }

  const float* k(int i) const { return &k_[static_cast<size_t>(i * shape_.head_dim)]; }
  const float* v(int i) const { return &v_[static_cast<size_t>(i * shape_.head_dim)]; }
  const float* q(int i) const { return &q_[static_cast<size_t>(i * shape_.head_dim)]; }

  // Rows at these positions, all in one call; query i belongs to position i.
  std::vector<float> attend(Isa isa, const std::vector<int32_t>& positions) const {
    const VectorKernels& kernels = vector_kernels(isa);
    std::vector<float> out(positions.size() * static_cast<size_t>(shape_.head_dim));
    std::vector<const float*> q_rows;
    std::vector<float*> out_rows;
    for (size_t r = 0; r < positions.size(); ++r) {
      q_rows.push_back(q(positions[r]));
      out_rows.push_back(&out[r * static_cast<size_t>(shape_.head_dim)]);
    }
    const base::AlignedBuffer scratch(positions.size() *
                                      kernels.attention_scratch(shape_.head_dim) * sizeof(float));
    AttentionCall call;
    call.type = shape_.type;
    call.head_dim = shape_.head_dim;
    call.scale = scale();
    call.softcap = shape_.softcap;
    call.window = shape_.window;
    call.blocks = blocks_.data();
    call.v_offset = page_bytes();
    call.n_rows = static_cast<int>(positions.size());
    call.positions = positions.data();
    call.q = q_rows.data();
    call.out = out_rows.data();
    call.scratch = scratch.as<float>();
    kernels.attention(call);
    return out;
  }

  float scale() const { return 1 / std::sqrt(static_cast<float>(shape_.head_dim)); }
  // Overwrites the slots after `position` with large numbers.
  void spoil_after(int position) {
    const std::vector<float> large(static_cast<size_t>(shape_.head_dim), 60000.0f);
    for (int i = position + 1; i < static_cast<int>(pages_.size()) * kKvPage; ++i) {
      std::byte* const block = pages_[static_cast<size_t>(i / kKvPage)].data();
      vector_kernels(Isa::scalar)
          .store_kv(shape_.type, large.data(), large.data(), shape_.head_dim, i % kKvPage, block,
                    block + page_bytes());
    }
  }

 private:
  size_t page_bytes() const {
    return static_cast<size_t>(kKvPage * padded_head_dim(shape_.head_dim) * kv_bytes(shape_.type));
  }

  Shape shape_;
  std::vector<base::AlignedBuffer> pages_;
  std::vector<const std::byte*> blocks_;
  std::vector<float> k_, v_, q_;
};

std::vector<int32_t> every_position(int n) {
  std::vector<int32_t> p(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) p[static_cast<size_t>(i)] = i;
  return p;
}

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const KvType type : {KvType::half, KvType::single}) {
    for (const int head_dim : {8, 20, 64, 80, 256}) {
      for (const int window : {0, 1, 70}) {
        all.push_back({type, head_dim, 200, window, window == 70 ? 2.0f : 0.0f});
      }
    }
  }
  return all;
}

bool same_bits(const float* a, const float* b, int n) {
  return std::memcmp(a, b, static_cast<size_t>(n) * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("attention against double") {
  for (const Shape& shape : shapes()) {
    const Case c(shape);
    const std::vector<float> got = c.attend(Isa::scalar, every_position(shape.keys));
    for (int p = 0; p < shape.keys; p += 7) {
      const int first = shape.window > 0 ? std::max(0, p - shape.window + 1) : 0;
      std::vector<double> scores;
      double top = -INFINITY, score_error = 0, total = 0, low = 0;
      for (int j = first; j <= p; ++j) {
        double s = 0, absolute = 0;
        for (int d = 0; d < shape.head_dim; ++d) {
          s += double{c.q(p)[d]} * c.k(j)[d];
          absolute += std::fabs(double{c.q(p)[d]} * c.k(j)[d]);
        }
        s *= c.scale();
        if (shape.softcap > 0) s = shape.softcap * std::tanh(s / shape.softcap);
        scores.push_back(s);
        top = std::max(top, s);
        low = std::min(low, s);
        // Roundings of the dot product, of the scale and of the cap's three steps.
        score_error = std::max(score_error, (shape.head_dim + 4) * kUnit * absolute * c.scale() +
                                                8e-7 * shape.softcap);
      }
      for (double& s : scores) total += s = std::exp(s - top);
      for (int d = 0; d < shape.head_dim; ++d) {
        double want = 0, largest = 0;
        for (int j = first; j <= p; ++j) {
          want += scores[static_cast<size_t>(j - first)] / total * c.v(j)[d];
          largest = std::max(largest, std::fabs(double{c.v(j)[d]}));
        }
        // Each weight is off by its score's error, exp's, and the exponent's rounding; numerator
        // and denominator both; then as many additions as keys, and a product a page.
        const double weight = score_error + 2e-7 + 3 * kUnit * (top - low) * 1.5;
        const double bound = largest * (2 * weight + 2 * (p - first + 12) * kUnit);
        INFO("head_dim " << shape.head_dim << " window " << shape.window << " position " << p);
        REQUIRE(std::fabs(got[static_cast<size_t>(p * shape.head_dim + d)] - want) <= bound);
      }
    }
  }
}

TEST_CASE("attention gives the scalar bits on every instruction set") {
  for (const Shape& shape : shapes()) {
    const Case c(shape);
    const std::vector<int32_t> positions = every_position(shape.keys);
    const std::vector<float> want = c.attend(Isa::scalar, positions);
    for (const Isa isa : available_isas()) {
      INFO(name(isa) << " head_dim " << shape.head_dim << " window " << shape.window);
      const std::vector<float> got = c.attend(isa, positions);
      REQUIRE(same_bits(got.data(), want.data(), static_cast<int>(want.size())));
    }
  }
}

TEST_CASE("a row of attention does not depend on the rows beside it or on later slots") {
  for (const Shape& shape : shapes()) {
    Case c(shape);
    const std::vector<float> want = c.attend(Isa::scalar, every_position(shape.keys));
    for (const Isa isa : available_isas()) {
      for (const int p : {0, 63, 64, 130, 199}) {
        INFO(name(isa) << " head_dim " << shape.head_dim << " window " << shape.window << " at "
                       << p);
        const float* const row = &want[static_cast<size_t>(p * shape.head_dim)];
        REQUIRE(same_bits(c.attend(isa, {p}).data(), row, shape.head_dim));
        for (const int others : {1, 3, 4, 9}) {
          std::vector<int32_t> mixed(static_cast<size_t>(others), 3);
          mixed.push_back(p);
          mixed.push_back(199);
          const std::vector<float> got = c.attend(isa, mixed);
          REQUIRE(
              same_bits(&got[static_cast<size_t>(others * shape.head_dim)], row, shape.head_dim));
        }
      }
    }
    c.spoil_after(130);
    for (const Isa isa : available_isas()) {
      REQUIRE(same_bits(c.attend(isa, {130}).data(),
                        &want[static_cast<size_t>(130 * shape.head_dim)], shape.head_dim));
    }
  }
}

}  // namespace nalar::kernels
