#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace nalar::tokenizer {

inline uint64_t mix(uint64_t a, uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// A hash for short strings: pairs of words are folded by a wide multiplication (the construction of
// wyhash). Not meant to withstand an adversary: tables bound their probes instead.
inline uint64_t hash_bytes(std::string_view text) noexcept {
  constexpr uint64_t k0 = 0xa0761d6478bd642f, k1 = 0xe7037ed1a0b428db, k2 = 0x8ebc6af09c88c6e3;
  const char* p = text.data();
  size_t n = text.size();
  const auto word = [](const char* at, size_t bytes) {
    uint64_t v = 0;
    std::memcpy(&v, at, bytes);
    return v;
  };
  const auto word8 = [](const char* at) {
    uint64_t v;
    std::memcpy(&v, at, 8);
    return v;
  };
  uint64_t h = k0 ^ n;
  for (; n > 16; n -= 16, p += 16) h = mix(word8(p) ^ k1 ^ h, word8(p + 8) ^ k2);
  uint64_t a, b;
  if (n >= 8) {
    a = word8(p);
    b = word8(p + n - 8);
  } else if (n >= 4) {
    uint32_t x, y;
    std::memcpy(&x, p, 4);
    std::memcpy(&y, p + n - 4, 4);
    a = x;
    b = y;
  } else {
    a = word(p, n);
    b = 0;
  }
  return mix(a ^ k1 ^ h, b ^ k2 ^ h);
}

inline uint64_t hash_pair(uint64_t key) noexcept {
  return mix(key ^ 0xa0761d6478bd642f, 0xe7037ed1a0b428db);
}

}  // namespace nalar::tokenizer
