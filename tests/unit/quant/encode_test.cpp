#include "quant/encode.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "encode_support.h"
#include "kernels/blocks.h"
#include "kernels/half.h"
#include "kernels/isa.h"
#include "quant/encode_kernels.h"
#include "quant/pack_block.h"
#include "support/catch.h"

using namespace nalar;
using namespace nalar::quant;
using namespace nalar::test;

TEST_CASE("A Gaussian row keeps what its bits allow") {
  // The error of a uniform quantizer of as many levels over ± 2.5 deviations, its step over sqrt
  // 12, with a fifth more for the blocks' outliers.
  constexpr struct {
    DType type;
    double levels;
  } kTypes[] = {{DType::q8_0, 255}, {DType::q4_0, 16}, {DType::q4_1, 16},   {DType::q5_0, 32},
                {DType::q5_1, 32},  {DType::q2_k, 4},  {DType::q3_k, 8},    {DType::q4_k, 16},
                {DType::q5_k, 32},  {DType::q6_k, 64}, {DType::iq4_nl, 16}, {DType::iq4_xs, 16}};
  const auto row = normal(4096, 1, 0.02f);
  for (const auto& [type, levels] : kTypes) {
    CAPTURE(name(type));
    CHECK(error(row, round_trip(type, row)) < 1.2 * 5 / levels / std::sqrt(12.0));
  }
}

TEST_CASE("Plain types round to the nearest, and stay finite") {
  const std::vector<float> row = {1, -1.0f / 3, 1e6f, -1e6f, 3.4e38f, -3.4e38f, 1e-7f, 0};
  CHECK(round_trip(DType::f32, row) == row);
  const auto half = round_trip(DType::f16, row), brain = round_trip(DType::bf16, row);
  CHECK(half[2] == 65504);
  CHECK(half[5] == -65504);
  CHECK(brain[4] == 0x1.fep127f);
  CHECK(std::fabs(half[1] - row[1]) <= 0x1p-13f);
  CHECK(std::fabs(brain[1] - row[1]) <= 0x1p-10f);
}

TEST_CASE("Zeros stay zeros; constants are met as near as an f16 scale") {
  for (const DType type : kWeightTypes) {
    CAPTURE(name(type));
    const std::vector<float> zeros(256);
    CHECK(round_trip(type, zeros) == zeros);
    for (const float value : {0.3f, -0.3f, 1.0f, 7.7e-3f, -1000.0f}) {
      CAPTURE(value);
      const std::vector<float> row(256, value);
      // A f16 scale and, where it is tried against few whole numbers, another.
      CHECK(error(row, round_trip(type, row)) < 0x1p-8);
    }
  }
}

TEST_CASE("Whatever the magnitude, the row decodes to finite numbers and is not worse than zeros") {
  for (const DType type : kWeightTypes) {
    CAPTURE(name(type));
    for (const float spread :
         {1e-44f, 1e-38f, 1e-9f, 3e-8f, 1e-6f, 1e-4f, 65504.0f, 1e7f, 1e20f, 1e38f}) {
      CAPTURE(spread);
      auto row = normal(512, 9, 1.0f);
      for (float& x : row) x = std::fmax(-3.0f, std::fmin(3.0f, x)) * spread;
      row[5] = 0;
      for (const bool weighted : {false, true}) {
        const auto back =
            round_trip(type, row, weighted ? std::vector<float>(512, 2) : std::vector<float>{});
        double e = 0, of = 0;
        for (size_t i = 0; i < row.size(); ++i) {
          REQUIRE(std::isfinite(back[i]));
          const double d = double{row[i]} - double{back[i]};
          e += d * d;
          of += double{row[i]} * double{row[i]};
        }
        CHECK(e <= of);
      }
    }
  }
}

TEST_CASE("Importance moves the error to where it costs least, and may be zero") {
  const auto row = normal(2048, 21);
  std::vector<float> importance(2048);
  for (size_t i = 0; i < importance.size(); ++i) importance[i] = i % 7 == 0 ? 40.0f : 1e-3f;
  for (const DType type : kWeightTypes) {
    if (!is_quantized(type)) continue;
    CAPTURE(name(type));
    const auto weighted = round_trip(type, row, importance), alike = round_trip(type, row);
    double with = 0, without = 0;
    for (size_t i = 0; i < row.size(); ++i) {
      with += double{importance[i]} * std::pow(double{row[i]} - double{weighted[i]}, 2);
      without += double{importance[i]} * std::pow(double{row[i]} - double{alike[i]}, 2);
    }
    CHECK(with < 0.9 * without);
    // Zeros say nothing: all columns are alike.
    const auto none = round_trip(type, row, std::vector<float>(2048));
    CHECK(error(row, none) <= 1.001 * error(row, alike));
    // The scale of importance says nothing either.
    auto scaled = importance;
    for (float& w : scaled) w *= 0x1p-60f;
    CHECK(round_trip(type, row, scaled) == weighted);
  }
}

namespace {

// The least Σ w (x − d q)² over every f16 d that could be of use.
double least_error(const float* x, const float* w, const std::vector<int>& levels) {
  float top = 0;
  for (int i = 0; i < 32; ++i) top = std::fmax(top, std::fabs(x[i]));
  double best = 1e30;
  const auto most = static_cast<float>(-levels.front());
  for (int bits = kernels::to_f16(top / most / 1.6f); bits <= kernels::to_f16(top / most * 1.8f);
       ++bits) {
    for (const float sign : {1.0f, -1.0f}) {
      const double d = sign * kernels::from_f16(static_cast<kernels::f16>(bits));
      double sum = 0;
      for (int i = 0; i < 32; ++i) {
        double least = 1e30;
        for (const int q : levels) least = std::fmin(least, std::fabs(x[i] - d * q));
        sum += w[i] * least * least;
      }
      best = std::fmin(best, sum);
    }
  }
  return best;
}

std::vector<int> whole(int low, int high) {
  std::vector<int> v;
  for (int q = low; q <= high; ++q) v.push_back(q);
  return v;
}

}  // namespace

TEST_CASE("A scale is nearly the best that trying every f16 finds") {
  const struct {
    DType type;
    std::vector<int> levels;
  } kTypes[] = {{DType::q4_0, whole(-8, 7)},
                {DType::q5_0, whole(-16, 15)},
                {DType::iq4_nl, {kernels::kIq4Values, kernels::kIq4Values + 16}}};
  for (const auto& [type, levels] : kTypes) {
    CAPTURE(name(type));
    double ours = 0, best = 0, worst = 0;
    for (uint64_t seed = 0; seed < 40; ++seed) {
      const auto x = normal(32, 100 + seed), deviates = normal(32, 500 + seed);
      std::vector<float> w(32);
      for (size_t i = 0; i < 32; ++i) w[i] = std::exp(deviates[i]);
      const auto back = round_trip(type, x, w);
      double e = 0;
      for (size_t i = 0; i < 32; ++i) e += w[i] * std::pow(double{x[i]} - double{back[i]}, 2);
      const double least = least_error(x.data(), w.data(), levels);
      ours += e;
      best += least;
      worst = std::fmax(worst, e / least);
    }
    INFO(ours / best << " " << worst);
    CHECK(ours <= 1.03 * best);
    CHECK(worst <= 1.3);
  }
}

TEST_CASE("Every quant is the nearest, and no other group scale is much better") {
  const auto row = normal(1024, 31);
  for (const DType type : {DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k}) {
    CAPTURE(name(type));
    const bool mins = type != DType::q3_k && type != DType::q6_k;
    const int low = type == DType::q3_k ? -4 : type == DType::q6_k ? -32 : 0;
    const int high = type == DType::q2_k   ? 3
                     : type == DType::q3_k ? 3
                     : type == DType::q4_k ? 15
                                           : 31;
    const int scale_low = type == DType::q3_k ? -32 : type == DType::q6_k ? -128 : 0;
    const int scale_high = type == DType::q2_k   ? 15
                           : type == DType::q3_k ? 31
                           : type == DType::q6_k ? 127
                                                 : 63;
    const int group = type == DType::q4_k || type == DType::q5_k ? 32 : 16;
    double ours = 0, best = 0;
    for (int64_t at = 0; at < 1024; at += 256) {
      std::vector<float> x(row.begin() + at, row.begin() + at + 256);
      std::vector<std::byte> bytes(static_cast<size_t>(block_size(type).bytes));
      encode_row(type, x, {std::vector<float>(256, 1)}, bytes.data());
      kernels::PlainBlock block;
      kernels::decode_block(type, bytes.data(), block);
      const auto error_of = [&](int g, int s, int l) {
        double sum = 0;
        for (int i = g * group; i < (g + 1) * group; ++i) {
          const double a = double{block.d} * s, b = -double{block.m} * l;
          const double t = a != 0 ? (x[static_cast<size_t>(i)] - b) / a : 0;
          const double q = std::fmin(high, std::fmax(low, std::nearbyint(t)));
          sum += std::pow(x[static_cast<size_t>(i)] - (a * q + b), 2);
        }
        return sum;
      };
      for (int g = 0; g < 256 / group; ++g) {
        const kernels::PlainSub& sub = block.sub[g * group / 32];
        const int half = g * group / 16 % 2, s = sub.s[half], l = sub.l[half];
        const double mine = error_of(g, s, l);
        double written = 0;
        for (int i = g * group; i < (g + 1) * group; ++i) {
          const double y = double{block.d} * s * sub.q[i % 32] - double{block.m} * l;
          written += std::pow(x[static_cast<size_t>(i)] - y, 2);
        }
        CHECK(written <= mine * (1 + 1e-5) + 1e-12);
        double least = mine;
        for (int other = scale_low; other <= scale_high; ++other) {
          for (int m = 0; m <= (mins ? scale_high : 0); ++m)
            least = std::fmin(least, error_of(g, other, m));
        }
        ours += mine;
        best += least;
      }
    }
    INFO(ours / best);
    CHECK(ours <= 1.03 * best);
  }
}

TEST_CASE("Every instruction set finds the same scales and quants") {
  auto row = normal(4096, 2);
  for (size_t i = 1024; i < 2048; ++i) row[i] *= 1e-6f;
  for (size_t i = 2048; i < 2560; ++i) row[i] = i % 3 == 0 ? 1e30f : 0;
  for (size_t i = 2560; i < 2816; ++i) row[i] = 0.25f;
  const auto deviates = normal(4096, 3);
  for (const DType type : kWeightTypes) {
    if (!is_quantized(type)) continue;
    CAPTURE(name(type));
    const BlockSize size = block_size(type);
    for (size_t k = 0; k < row.size(); k += static_cast<size_t>(size.elements)) {
      float importance[256];
      for (size_t i = 0; i < static_cast<size_t>(size.elements); ++i) {
        importance[i] = deviates[k + i] * deviates[k + i];
      }
      for (const float* w :
           {static_cast<const float*>(nullptr), static_cast<const float*>(importance)}) {
        std::vector<std::byte> first;
        for (const kernels::Isa isa : kernels::available_isas()) {
          CAPTURE(kernels::name(isa));
          kernels::PlainBlock block;
          std::vector<std::byte> bytes(2 * static_cast<size_t>(size.bytes));
          for (const bool thorough : {false, true}) {
            encode_kernels(isa).fit(type, row.data() + k, w, thorough, block);
            pack_block(type, block, &bytes[thorough ? static_cast<size_t>(size.bytes) : 0]);
          }
          if (first.empty()) first = bytes;
          REQUIRE(bytes == first);
        }
      }
    }
  }
}
