#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

// From the bits of file blocks to the planes of packed.h, for 8 rows at a time.
namespace nalar::kernels {
namespace {

using I = __m256i;

// 16 rows' blocks: block of row r at `at` + r * stride.
struct Rows {
  const uint8_t* at;
  int64_t stride;
  const uint8_t* row(int r) const { return at + r * stride; }
};

inline I lane_pair(const uint8_t* low, const uint8_t* high) {
  const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(low));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(a),
                                 _mm_loadu_si128(reinterpret_cast<const __m128i*>(high)), 1);
}

// 16 bytes at `offset` of 8 rows: out[j] holds bytes 4 j … 4 j + 3 of row r in lane r.
inline void load_lanes(Rows rows, int64_t offset, I* out) {
  I x[4];
  for (int r = 0; r < 4; ++r) {
    x[r] = lane_pair(rows.row(r) + offset, rows.row(r + 4) + offset);
  }
  const I a = _mm256_unpacklo_epi32(x[0], x[1]), b = _mm256_unpackhi_epi32(x[0], x[1]);
  const I c = _mm256_unpacklo_epi32(x[2], x[3]), d = _mm256_unpackhi_epi32(x[2], x[3]);
  out[0] = _mm256_unpacklo_epi64(a, c);
  out[1] = _mm256_unpackhi_epi64(a, c);
  out[2] = _mm256_unpacklo_epi64(b, d);
  out[3] = _mm256_unpackhi_epi64(b, d);
}

inline void store(uint8_t* p, I v) { _mm256_storeu_si256(reinterpret_cast<I*>(p), v); }
inline I both(I a, I b) { return _mm256_and_si256(a, b); }
inline I any(I a, I b) { return _mm256_or_si256(a, b); }

// Exchanges the bits of `a` that `mask` picks after a shift by n with those of b: one step of a bit
// transposition.
template <int n>
inline void exchange(I& a, I& b, int mask) {
  const I t =
      both(_mm256_xor_si256(_mm256_srli_epi32(a, n), b), _mm256_set1_epi8(static_cast<char>(mask)));
  b = _mm256_xor_si256(b, t);
  a = _mm256_xor_si256(a, _mm256_slli_epi32(t, n));
}

template <int n>
inline I swap_bits(I x, int mask) {
  const I t = both(_mm256_xor_si256(_mm256_srli_epi32(x, n), x), _mm256_set1_epi32(mask));
  return _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi32(t, n)));
}

// Bit 4 j + b of a lane becomes bit j of its byte b: four exchanges of bits of the bit's number.
inline I bits_to_plane(I x) {
  x = swap_bits<14>(x, 0x0000cccc);
  x = swap_bits<7>(x, 0x00aa00aa);
  x = swap_bits<2>(x, 0x0c0c0c0c);
  return swap_bits<1>(x, 0x22222222);
}

// Field e (2 bits) of v[f] becomes field f of v[e].
inline void transpose_fields(I* v) {
  exchange<4>(v[0], v[2], 0x0f);
  exchange<4>(v[1], v[3], 0x0f);
  exchange<2>(v[0], v[1], 0x33);
  exchange<2>(v[2], v[3], 0x33);
}

// Bit s of v[t] becomes bit t of v[s].
inline void transpose_bits(I* v) {
  for (int i = 0; i < 4; ++i) {
    exchange<4>(v[i], v[i + 4], 0x0f);
  }
  for (int i : {0, 1, 4, 5}) {
    exchange<2>(v[i], v[i + 2], 0x33);
  }
  for (int i : {0, 2, 4, 6}) {
    exchange<1>(v[i], v[i + 1], 0x55);
  }
}

// Planes of 8 rows; `out` is where the first of these rows lies in the plane's first vector

inline void nibbles_as_they_lie(Rows rows, int64_t offset, uint8_t* out) {
  I v[4];
  load_lanes(rows, offset, v);
  for (int j = 0; j < 4; ++j) {
    store(out + 64 * j, v[j]);
  }
}

// 32 bytes whose low nibbles are one sub-block and whose high nibbles another.
inline void nibbles_of_two(Rows rows, int64_t offset, uint8_t* out_low, uint8_t* out_high) {
  const I m = _mm256_set1_epi8(15);
  I v[8];
  load_lanes(rows, offset, v);
  load_lanes(rows, offset + 16, v + 4);
  for (int j = 0; j < 4; ++j) {
    const I low = any(both(v[j], m), _mm256_slli_epi32(both(v[j + 4], m), 4));
    const I high = any(both(_mm256_srli_epi32(v[j], 4), m), _mm256_andnot_si256(m, v[j + 4]));
    store(out_low + 64 * j, low);
    store(out_high + 64 * j, high);
  }
}

// 32 bytes whose 2-bit fields are four sub-blocks, `step` bytes apart.
inline void pairs_of_four(Rows rows, int64_t offset, uint8_t* out, int step) {
  for (int i = 0; i < 2; ++i) {
    I v[4];
    load_lanes(rows, offset + 16 * i, v);
    transpose_fields(v);
    for (int e = 0; e < 4; ++e) {
      store(out + e * step + 64 * i, v[e]);
    }
  }
}

// 32 bytes whose bits are eight sub-blocks, `step` bytes apart.
inline void bits_of_eight(Rows rows, int64_t offset, uint8_t* out, int step) {
  I v[8];
  load_lanes(rows, offset, v);
  load_lanes(rows, offset + 16, v + 4);
  transpose_bits(v);
  for (int s = 0; s < 8; ++s) {
    store(out + s * step, v[s]);
  }
}

inline void bits_of_one(Rows rows, int64_t offset, uint8_t* out) {
  alignas(32) uint32_t words[8];
  for (int r = 0; r < 8; ++r) {
    std::memcpy(&words[r], rows.row(r) + offset, 4);
  }
  store(out, bits_to_plane(_mm256_load_si256(reinterpret_cast<const I*>(words))));
}

}  // namespace
}  // namespace nalar::kernels
