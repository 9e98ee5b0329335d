#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels/half.h"

// 16 lanes of fp32 in plain C++: what the lanes of the other instruction sets must equal bit for
// bit.
namespace nalar::kernels {

struct ScalarLanes {
  static constexpr int kTileRows = 2, kTileVectors = 1;
  static constexpr bool kManyRegisters = false;  // for some ten sums at once
  static constexpr int kProductRows = 4, kProductVectors = 1;
  float v[16];

  template <typename F>
  static ScalarLanes each(F f) {
    ScalarLanes r;
    for (int i = 0; i < 16; ++i) r.v[i] = f(i);
    return r;
  }
  static float as_float(uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
  }
  static uint32_t as_bits(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    return bits;
  }

  static ScalarLanes set(float x) {
    return each([&](int) { return x; });
  }
  static ScalarLanes load(const float* p) {
    return each([&](int i) { return p[i]; });
  }
  static ScalarLanes load(const uint16_t* p) {
    return each([&](int i) { return from_f16(p[i]); });
  }
  static ScalarLanes load(const int16_t* p) {
    return each([&](int i) { return static_cast<float>(p[i]); });
  }
  static ScalarLanes load_first(const float* p, int64_t n) {
    return each([&](int i) { return i < n ? p[i] : 0.0f; });
  }
  void store(float* p) const {
    for (int i = 0; i < 16; ++i) p[i] = v[i];
  }
  void store(uint16_t* p) const {
    for (int i = 0; i < 16; ++i) p[i] = to_f16(v[i]);
  }
  // Whole numbers -128 … 255, modulo 256.
  void store(uint8_t* p) const {
    for (int i = 0; i < 16; ++i) p[i] = static_cast<uint8_t>(static_cast<int>(v[i]));
  }
  void store_first(float* p, int64_t n) const {
    for (int i = 0; i < 16 && i < n; ++i) p[i] = v[i];
  }

  friend ScalarLanes operator+(const ScalarLanes& a, const ScalarLanes& b) {
    return each([&](int i) { return a.v[i] + b.v[i]; });
  }
  friend ScalarLanes operator-(const ScalarLanes& a, const ScalarLanes& b) {
    return each([&](int i) { return a.v[i] - b.v[i]; });
  }
  friend ScalarLanes operator*(const ScalarLanes& a, const ScalarLanes& b) {
    return each([&](int i) { return a.v[i] * b.v[i]; });
  }
  friend ScalarLanes operator/(const ScalarLanes& a, const ScalarLanes& b) {
    return each([&](int i) { return a.v[i] / b.v[i]; });
  }
  // a * b + c, rounded once.
  friend ScalarLanes fma(const ScalarLanes& a, const ScalarLanes& b, const ScalarLanes& c) {
    return each([&](int i) { return std::fma(a.v[i], b.v[i], c.v[i]); });
  }
  // a > b ? a : b
  friend ScalarLanes max(const ScalarLanes& a, const ScalarLanes& b) {
    return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  friend ScalarLanes min(const ScalarLanes& a, const ScalarLanes& b) {
    return each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  // a < b ? x : y
  friend ScalarLanes if_less(const ScalarLanes& a, const ScalarLanes& b, const ScalarLanes& x,
                             const ScalarLanes& y) {
    return each([&](int i) { return a.v[i] < b.v[i] ? x.v[i] : y.v[i]; });
  }
  // Lanes begin … end - 1 of a, the others of b.
  friend ScalarLanes within(int begin, int end, const ScalarLanes& a, const ScalarLanes& b) {
    return each([&](int i) { return begin <= i && i < end ? a.v[i] : b.v[i]; });
  }
  friend ScalarLanes abs(const ScalarLanes& a) {
    return each([&](int i) { return std::fabs(a.v[i]); });
  }
  friend ScalarLanes copysign(const ScalarLanes& magnitude, const ScalarLanes& sign) {
    return each([&](int i) { return std::copysign(magnitude.v[i], sign.v[i]); });
  }
  // a * 2^n by its exponent bits; the low bits of n's pattern are the number.
  friend ScalarLanes scale_by_bits(const ScalarLanes& a, const ScalarLanes& n) {
    return each([&](int i) { return as_float(as_bits(a.v[i]) + (as_bits(n.v[i]) << 23)); });
  }
  // Lane j of v[i] ↔ lane i of v[j].
  static void transpose(ScalarLanes (&v)[16]) {
    for (int i = 0; i < 16; ++i) {
      for (int j = 0; j < i; ++j) std::swap(v[i].v[j], v[j].v[i]);
    }
  }
  // Lanes i and i + 8, then i and i + 4, …
  float sum() const {
    float s[16];
    std::memcpy(s, v, sizeof s);
    for (int width = 8; width > 0; width /= 2) {
      for (int i = 0; i < width; ++i) s[i] += s[i + width];
    }
    return s[0];
  }
  float largest() const {
    float m = v[0];
    for (int i = 1; i < 16; ++i) m = m > v[i] ? m : v[i];
    return m;
  }
};

}  // namespace nalar::kernels
