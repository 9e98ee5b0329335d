#include <cmath>
#include <cstring>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/train_kernels.h"
#include "kernels_support.h"
#include "support/catch.h"

namespace nalar::kernels {
namespace {

constexpr double kUnit = 0x1p-24;

struct Shape {
  int64_t rows = 50;
  int head_dim = 16;
  int window = 0;
  float softcap = 0;
};

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const int64_t rows : {1, 2, 16, 50, 150}) {
    for (const int head_dim : {1, 8, 20, 64}) {
      for (const int window : {0, 1, 7, 70}) {
        all.push_back({rows, head_dim, window, window == 7 || window == 0 ? 3.0f : 0.0f});
      }
      all.push_back({rows, head_dim, 0, 0});
    }
  }
  all.push_back({70, 512, 0, 0});
  all.push_back({70, 256, 40, 5});
  return all;
}

struct Gradients {
  std::vector<float> out, log_sum, d_q, d_k, d_v;

  friend bool same_bits(const Gradients& a, const Gradients& b) {
    const auto same = [](const std::vector<float>& x, const std::vector<float>& y) {
      return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
    };
    return same(a.out, b.out) && same(a.log_sum, b.log_sum) && same(a.d_q, b.d_q) &&
           same(a.d_k, b.d_k) && same(a.d_v, b.d_v);
  }
};

// One head of a document, rows apart by more than their length.
class Case {
 public:
  explicit Case(const Shape& shape)
      : shape_(shape), q_stride_(shape.head_dim + 3), kv_stride_(shape.head_dim + 1) {
    test::Random random(5);
    const auto normal = [&](int64_t stride) {
      std::vector<float> v(static_cast<size_t>(shape.rows * stride));
      for (float& x : v) x = random.normal();
      return v;
    };
    q_ = normal(q_stride_), k_ = normal(kv_stride_), v_ = normal(kv_stride_);
    d_out_ = normal(out_stride());
    d_k_ = normal(kv_stride_), d_v_ = normal(kv_stride_);
  }

  int64_t out_stride() const { return shape_.head_dim + 2; }
  int64_t q_stride() const { return q_stride_; }
  int64_t kv_stride() const { return kv_stride_; }
  float scale() const { return 1 / std::sqrt(static_cast<float>(shape_.head_dim)); }
  double q(int64_t i, int h) const { return q_[at(i * q_stride_ + h)]; }
  double k(int64_t i, int h) const { return k_[at(i * kv_stride_ + h)]; }
  double v(int64_t i, int h) const { return v_[at(i * kv_stride_ + h)]; }
  double d_out(int64_t i, int h) const { return d_out_[at(i * out_stride() + h)]; }
  double d_k_before(int64_t i, int h) const { return d_k_[at(i * kv_stride_ + h)]; }
  double d_v_before(int64_t i, int h) const { return d_v_[at(i * kv_stride_ + h)]; }

  Gradients run(Isa isa) const {
    const TrainKernels& kernels = train_kernels(isa);
    Gradients g;
    g.out = std::vector<float>(d_out_.size(), 9), g.d_q = std::vector<float>(q_.size(), 9);
    g.log_sum.resize(at(shape_.rows));
    g.d_k = d_k_, g.d_v = d_v_;
    const size_t floats = kernels.attention_scratch(shape_.rows, shape_.head_dim);
    const base::AlignedBuffer scratch((floats + 16) * sizeof(float));
    std::memset(scratch.data(), 0xff, scratch.size());  // NaNs: what is read must have been written
    const DocumentAttention call = {.rows = shape_.rows,
                                    .head_dim = shape_.head_dim,
                                    .scale = scale(),
                                    .softcap = shape_.softcap,
                                    .window = shape_.window,
                                    .q = q_.data(),
                                    .k = k_.data(),
                                    .v = v_.data(),
                                    .q_stride = q_stride_,
                                    .kv_stride = kv_stride_,
                                    .out = g.out.data(),
                                    .out_stride = out_stride(),
                                    .log_sum = g.log_sum.data(),
                                    .d_out = d_out_.data(),
                                    .d_q = g.d_q.data(),
                                    .d_k = g.d_k.data(),
                                    .d_v = g.d_v.data(),
                                    .scratch = scratch.as<float>()};
    kernels.attention_forward(call);
    std::memset(scratch.data(), 0xff, scratch.size());
    kernels.attention_backward(call);
    for (size_t i = floats; i < floats + 16; ++i) REQUIRE(std::isnan(scratch.as<float>()[i]));
    return g;
  }

 private:
  static size_t at(int64_t i) { return static_cast<size_t>(i); }

  Shape shape_;
  int64_t q_stride_, kv_stride_;
  std::vector<float> q_, k_, v_, d_out_, d_k_, d_v_;
};

// The formulas in double, and beside each sum that of its absolute terms.
struct Sums {
  explicit Sums(size_t n) : value(n), absolute(n) {}
  void add(int64_t i, double term, double size) {
    value[static_cast<size_t>(i)] += term;
    absolute[static_cast<size_t>(i)] += size;
  }
  std::vector<double> value, absolute;
};
struct Reference {
  Sums out, d_q, d_k, d_v;

  Reference(const Shape& shape, const Case& c)
      : out(size(shape)), d_q(size(shape)), d_k(size(shape)), d_v(size(shape)) {
    const int n = shape.head_dim;
    for (int64_t i = 0; i < shape.rows; ++i) {
      const int64_t first = shape.window > 0 ? std::max<int64_t>(0, i - shape.window + 1) : 0;
      std::vector<double> p, slope;
      double top = -INFINITY, total = 0;
      for (int64_t j = first; j <= i; ++j) {
        double s = 0;
        for (int h = 0; h < n; ++h) s += c.q(i, h) * c.k(j, h);
        s *= c.scale();
        const double t = shape.softcap > 0 ? std::tanh(s / shape.softcap) : 0;
        p.push_back(shape.softcap > 0 ? shape.softcap * t : s);
        slope.push_back((1 - t * t) * c.scale());
        top = std::max(top, p.back());
      }
      for (double& x : p) total += x = std::exp(x - top);
      double delta = 0, delta_size = 0;
      for (int64_t j = first; j <= i; ++j) {
        const double weight = p[static_cast<size_t>(j - first)] /= total;
        for (int h = 0; h < n; ++h) {
          out.add(i * n + h, weight * c.v(j, h), weight * std::fabs(c.v(j, h)));
          d_v.add(j * n + h, weight * c.d_out(i, h), weight * std::fabs(c.d_out(i, h)));
          delta += weight * c.v(j, h) * c.d_out(i, h);
          delta_size += weight * std::fabs(c.v(j, h) * c.d_out(i, h));
        }
      }
      for (int64_t j = first; j <= i; ++j) {
        double d_p = 0, d_p_size = 0;
        for (int h = 0; h < n; ++h) {
          d_p += c.d_out(i, h) * c.v(j, h);
          d_p_size += std::fabs(c.d_out(i, h) * c.v(j, h));
        }
        const double factor =
            p[static_cast<size_t>(j - first)] * slope[static_cast<size_t>(j - first)];
        const double size = p[static_cast<size_t>(j - first)] * c.scale() * (d_p_size + delta_size);
        for (int h = 0; h < n; ++h) {
          d_q.add(i * n + h, factor * (d_p - delta) * c.k(j, h), size * std::fabs(c.k(j, h)));
          d_k.add(j * n + h, factor * (d_p - delta) * c.q(i, h), size * std::fabs(c.q(i, h)));
        }
      }
    }
  }
  static size_t size(const Shape& shape) {
    return static_cast<size_t>(shape.rows * shape.head_dim);
  }
};

}  // namespace

TEST_CASE("attention of a document and its gradient against double") {
  for (const Shape& shape : shapes()) {
    const Case c(shape);
    const Reference want(shape, c);
    const Gradients got = c.run(Isa::scalar);
    // Scores here are below 20: they, their exponents and log_sum are off by the roundings of a dot
    // product of that size, tanh by 4e-7 of the cap (and 1 - tanh² by a few units); weights by that
    // much of themselves. Then come chains over the rows and over head_dim.
    const auto terms = static_cast<double>(2 * shape.rows + 2 * shape.head_dim + 80);
    const double off = terms * kUnit + 2e-6 + (shape.softcap > 0 ? 4e-6 : 0);
    for (int64_t i = 0; i < shape.rows; ++i) {
      for (int h = 0; h < shape.head_dim; ++h) {
        INFO("rows " << shape.rows << " head_dim " << shape.head_dim << " window " << shape.window
                     << " cap " << shape.softcap << " row " << i << " element " << h);
        const auto at = static_cast<size_t>(i * shape.head_dim + h);
        const auto check = [&](const std::vector<float>& floats, int64_t stride, const Sums& sums,
                               double before) {
          const double value = floats[static_cast<size_t>(i * stride + h)];
          REQUIRE(std::fabs(value - (before + sums.value[at])) <=
                  off * sums.absolute[at] + 4 * kUnit * std::fabs(before));
        };
        check(got.out, c.out_stride(), want.out, 0);
        check(got.d_q, c.q_stride(), want.d_q, 0);
        check(got.d_k, c.kv_stride(), want.d_k, c.d_k_before(i, h));
        check(got.d_v, c.kv_stride(), want.d_v, c.d_v_before(i, h));
      }
    }
  }
}

TEST_CASE("attention of a document writes nothing between rows") {
  const Shape shape = {20, 10, 0, 0};
  const Gradients got = Case(shape).run(Isa::scalar);
  for (int64_t i = 0; i < shape.rows; ++i) {
    for (int64_t h = 10; h < 12; ++h) CHECK(got.out[static_cast<size_t>(i * 12 + h)] == 9);
    for (int64_t h = 10; h < 13; ++h) CHECK(got.d_q[static_cast<size_t>(i * 13 + h)] == 9);
  }
}

TEST_CASE("attention of a document gives the scalar bits on every instruction set") {
  for (const Shape& shape : shapes()) {
    const Case c(shape);
    const Gradients want = c.run(Isa::scalar);
    for (const Isa isa : available_isas()) {
      INFO(name(isa) << " rows " << shape.rows << " head_dim " << shape.head_dim << " window "
                     << shape.window);
      REQUIRE(same_bits(c.run(isa), want));
    }
  }
}

}  // namespace nalar::kernels
