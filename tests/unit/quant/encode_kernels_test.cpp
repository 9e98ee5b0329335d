#include "quant/encode_kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "encode_support.h"
#include "kernels/half.h"
#include "kernels/isa.h"
#include "quant/pack_block.h"
#include "support/catch.h"

using namespace nalar;
using namespace nalar::quant;
using namespace nalar::test;

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
    if (!is_quantized(type) || block_size(type).elements != 32 || type == DType::iq4_nl) continue;
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

TEST_CASE("A short search heeds importance; where that is equal it changes little") {
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
    const std::vector<float> equal(4096, 3);
    const auto alike = encoded(kernels::chosen_isa(), type, row).decoded;
    const auto weighed = encoded(kernels::chosen_isa(), type, row, equal.data(), false).decoded;
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
