#pragma once

#include <cstdint>
#include <optional>

// Arithmetic on sizes that a file declares: nullopt instead of a wrap.
namespace nalar::base {

inline std::optional<uint64_t> checked_add(uint64_t a, uint64_t b) {
  uint64_t r = 0;
  if (__builtin_add_overflow(a, b, &r)) return std::nullopt;
  return r;
}

inline std::optional<uint64_t> checked_mul(uint64_t a, uint64_t b) {
  uint64_t r = 0;
  if (__builtin_mul_overflow(a, b, &r)) return std::nullopt;
  return r;
}

// The smallest multiple of `unit` (a power of two) that is ≥ a.
inline std::optional<uint64_t> checked_align(uint64_t a, uint64_t unit) {
  const auto sum = checked_add(a, unit - 1);
  if (!sum) return std::nullopt;
  return *sum & ~(unit - 1);
}

}  // namespace nalar::base
