#include "quant/encode.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "kernels/blocks.h"
#include "kernels/half.h"
#include "kernels/isa.h"
#include "kernels_support.h"
#include "quant/encode_kernels.h"
#include "quant/pack_block.h"
#include "support/catch.h"

using namespace nalar;
using namespace nalar::quant;
using namespace nalar::test;

namespace {

std::vector<float> normal(int64_t n, uint64_t seed, float spread = 1) {
  Random random(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = spread * random.normal();
  return v;
}

std::vector<float> round_trip(DType type, const std::vector<float>& row,
                              const std::vector<float>& importance = {}) {
  const BlockSize size = block_size(type);
  std::vector<std::byte> bytes(row.size() / static_cast<size_t>(size.elements) *
                               static_cast<size_t>(size.bytes));
  encode_row(type, row, {importance}, bytes.data());
  std::vector<float> decoded(row.size());
  decode_row(type, bytes.data(), decoded);
  return decoded;
}

double error(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0, of = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double e = double{a[i]} - double{b[i]};
    sum += e * e;
    of += double{a[i]} * double{a[i]};
  }
  return std::sqrt(sum / of);
}

}  // namespace

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

namespace {

struct Encoded {
  std::vector<std::byte> bytes;
  std::vector<float> decoded;
  bool operator==(const Encoded&) const = default;
};

Encoded encoded(kernels::Isa isa, DType type, std::span<const float> row,
                const float* importance = nullptr, bool thorough = true) {
  const BlockSize size = block_size(type);
  Encoded out{std::vector<std::byte>(row.size() / static_cast<size_t>(size.elements) *
                                     static_cast<size_t>(size.bytes)),
              std::vector<float>(row.size())};
  encode_kernels(isa).encode({.type = type,
                              .x = row.data(),
                              .importance = importance,
                              .thorough = thorough && importance != nullptr,
                              .columns = static_cast<int64_t>(row.size()),
                              .out = out.bytes.data(),
                              .decoded = out.decoded.data()});
  return out;
}

}  // namespace

TEST_CASE("A row: the same on every instruction set, and decoded as a reader does") {
  auto row = normal(2560, 41);
  for (size_t i = 256; i < 512; ++i) row[i] *= 1e-7f;
  for (size_t i = 512; i < 768; ++i) row[i] = 0;
  for (size_t i = 768; i < 1024; ++i) row[i] *= 1e37f;
  for (size_t i = 1024; i < 1280; ++i) row[i] = 0.25f;
  for (size_t i = 1280; i < 1536; ++i) row[i] *= 0x1p-12f;
  auto importance = normal(2560, 42);
  for (float& w : importance) w *= w;
  for (const DType type : kWeightTypes) {
    if (!is_quantized(type) && type != DType::f16) continue;
    CAPTURE(name(type));
    const float* const weights = importance.data();
    for (const auto& [w, thorough] : {std::pair<const float*, bool>(nullptr, false),
                                      std::pair(weights, false), std::pair(weights, true)}) {
      const Encoded first = encoded(kernels::Isa::scalar, type, row, w, thorough);
      for (const kernels::Isa isa : kernels::available_isas()) {
        CAPTURE(kernels::name(isa));
        REQUIRE(encoded(isa, type, row, w, thorough) == first);
        std::vector<float> read(row.size());
        encode_kernels(isa).decode(type, first.bytes.data(), 2560, read.data());
        REQUIRE(read == first.decoded);
      }
      std::vector<float> read(row.size());
      kernels::dequantize_file_row(type, first.bytes.data(), 2560, read.data());
      REQUIRE(read == first.decoded);
    }
  }
}

TEST_CASE("Blocks done together: the same in any company, packed as any, about as good") {
  auto row = normal(32 * 20, 41);
  for (size_t i = 64; i < 96; ++i) row[i] *= 1e-7f;
  for (size_t i = 96; i < 128; ++i) row[i] = 0;
  for (size_t i = 128; i < 160; ++i) row[i] *= 1e37f;
  for (const DType type : kWeightTypes) {
    if (!EncodeKernels::has_many(type)) continue;
    CAPTURE(name(type));
    const auto bytes = static_cast<size_t>(block_size(type).bytes);
    for (const kernels::Isa isa : kernels::available_isas()) {
      CAPTURE(kernels::name(isa));
      const Encoded all = encoded(isa, type, row);
      for (size_t b = 0; b < 20; ++b) {
        const auto alone = encoded(isa, type, std::span(row).subspan(32 * b, 32)).bytes;
        REQUIRE(std::memcmp(alone.data(), &all.bytes[b * bytes], bytes) == 0);
        kernels::PlainBlock block;
        kernels::decode_block(type, alone.data(), block);
        std::vector<std::byte> packed(bytes);
        pack_block(type, block, packed.data());
        REQUIRE(packed == alone);
      }
    }
    const auto ordinary = normal(4096, 43);
    const auto together = round_trip(type, ordinary);
    const auto searched = round_trip(type, ordinary, std::vector<float>(4096, 1));
    CHECK(error(ordinary, together) <= 1.05 * error(ordinary, searched));
  }
}

TEST_CASE(
    "A short search heeds importance: about as good as the thorough one, equal ones change "
    "little") {
  const auto row = normal(4096, 44);
  auto importance = normal(4096, 45);
  for (float& w : importance) w = std::pow(w, 4.0f);
  for (const DType type : kWeightTypes) {
    if (!is_quantized(type)) continue;
    CAPTURE(name(type));
    const auto loss = [&](const float* w, bool thorough) {
      const auto decoded = encoded(kernels::chosen_isa(), type, row, w, thorough).decoded;
      double sum = 0;
      for (size_t i = 0; i < row.size(); ++i) {
        sum += double{importance[i]} * std::pow(double{row[i]} - decoded[i], 2);
      }
      return sum;
    };
    const double best = loss(importance.data(), true), quick = loss(importance.data(), false);
    INFO(best << " " << quick << " " << loss(nullptr, false));
    CHECK(quick <= 1.25 * best);
    CHECK(quick < loss(nullptr, false));
    const std::vector<float> ones(4096, 3);
    const auto alike = encoded(kernels::chosen_isa(), type, row).decoded;
    const auto weighed = encoded(kernels::chosen_isa(), type, row, ones.data(), false).decoded;
    CHECK(std::fabs(error(row, weighed) / error(row, alike) - 1) < 0.002);
  }
}

TEST_CASE("Rows of any length: F16, and what is read of them") {
  for (const size_t n : {1u, 15u, 16u, 48u, 77u}) {
    const auto row = normal(static_cast<int64_t>(n), n);
    const Encoded first = encoded(kernels::Isa::scalar, DType::f16, row);
    for (size_t i = 0; i < n; ++i)
      CHECK(first.decoded[i] == kernels::from_f16(kernels::to_f16(row[i])));
    for (const kernels::Isa isa : kernels::available_isas()) {
      CHECK(encoded(isa, DType::f16, row) == first);
    }
    std::vector<float> guarded(n + 1, 7.0f);
    decode_row(DType::f16, first.bytes.data(), std::span(guarded).first(n));
    CHECK(guarded.back() == 7.0f);
    CHECK(std::equal(first.decoded.begin(), first.decoded.end(), guarded.begin()));
  }
}

TEST_CASE("Sums of errors: the same bits everywhere, near those in double, at any magnitude") {
  for (const float spread : {1e-30f, 1.0f, 1e37f}) {
    for (const size_t n : {1u, 31u, 512u, 1111u}) {
      CAPTURE(spread, n);
      const auto x = normal(static_cast<int64_t>(n), 1, spread);
      auto y = x, w = normal(static_cast<int64_t>(n), 3, 1e20f);
      for (size_t i = 0; i < n; ++i) {
        y[i] *= 1 + 0.01f * static_cast<float>(i % 5);
        w[i] = std::fabs(w[i]);
      }
      ErrorSums expected;
      for (size_t i = 0; i < n; ++i) {
        const double v = x[i], e = v - y[i];
        expected += {v * v, e * e, w[i] * v * v, w[i] * e * e};
      }
      const auto all = [](const ErrorSums& s) {
        return std::array{s.weight, s.weight_error, s.output, s.output_error};
      };
      const auto first = all(encode_kernels(kernels::Isa::scalar)
                                 .errors(x.data(), y.data(), w.data(), static_cast<int64_t>(n)));
      for (const kernels::Isa isa : kernels::available_isas()) {
        CAPTURE(kernels::name(isa));
        const auto& table = encode_kernels(isa);
        CHECK(all(table.errors(x.data(), y.data(), w.data(), static_cast<int64_t>(n))) == first);
        const ErrorSums alike = table.errors(x.data(), y.data(), nullptr, static_cast<int64_t>(n));
        CHECK(alike.weight == first[0]);
        CHECK(alike.weight_error == first[1]);
        CHECK(alike.output == 0);
      }
      // 32 sums of a lane and 4 of the tree, each rounded to 2^-24; twice that for products.
      for (size_t i = 0; i < 4; ++i) {
        CHECK(std::fabs(first[i] - all(expected)[i]) <= 40 * 0x1p-24 * all(expected)[i]);
      }
    }
  }
}

TEST_CASE("A value that is not finite is found wherever it is") {
  for (const kernels::Isa isa : kernels::available_isas()) {
    CAPTURE(kernels::name(isa));
    const auto finite = encode_kernels(isa).finite;
    for (const size_t n : {1u, 16u, 37u, 64u}) {
      std::vector<float> row(n, 3e38f);
      CHECK(finite(row.data(), static_cast<int64_t>(n)));
      for (size_t i = 0; i < n; ++i) {
        for (const float bad : {INFINITY, -INFINITY, NAN}) {
          row[i] = bad;
          CHECK_FALSE(finite(row.data(), static_cast<int64_t>(n)));
        }
        row[i] = -3e38f;
      }
    }
  }
}

// Every set gives the same bits, so that one that fell back to scalar code would only be slow.
TEST_CASE("No instruction set but the scalar one is served by scalar code") {
  for (const kernels::Isa isa : kernels::available_isas()) {
    const bool is_scalar = &encode_kernels(isa) == &encode_kernels(kernels::Isa::scalar);
    CHECK(is_scalar == (isa == kernels::Isa::scalar));
  }
}
