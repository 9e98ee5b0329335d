#include "kernels/avx2/pack.h"

#include <cstring>

#include "kernels/avx2/bit_planes.h"
#include "kernels/blocks.h"
#include "kernels/linear_kernels.h"
#include "kernels/packed.h"

namespace nalar::kernels {
namespace {

// ---- headers of 16 rows

void halves(Rows rows, int64_t offset, uint8_t* out) {
  for (int r = 0; r < kGroupRows; ++r) {
    std::memcpy(out + 2 * r, rows.row(r) + offset, 2);
  }
}

void scale_bytes(Rows rows, int64_t offset, int n, uint8_t* out) {
  for (int r = 0; r < kGroupRows; ++r) {
    const uint8_t* from = rows.row(r) + offset;
    for (int i = 0; i < n; ++i) {
      out[16 * i + r] = from[i];
    }
  }
}

// The 6-bit scales and minima of Q4_K and Q5_K, four at a time in the bytes of a word.
void k_scales(Rows rows, int64_t offset, uint8_t* out) {
  for (int r = 0; r < kGroupRows; ++r) {
    uint32_t w[3];
    std::memcpy(w, rows.row(r) + offset, sizeof w);
    const uint32_t s0 = w[0] & 0x3f3f3f3f, l0 = w[1] & 0x3f3f3f3f;
    const uint32_t s1 = (w[2] & 0x0f0f0f0f) | (w[0] >> 2 & 0x30303030);
    const uint32_t l1 = (w[2] >> 4 & 0x0f0f0f0f) | (w[1] >> 2 & 0x30303030);
    const uint32_t to[3] = {(s0 & 0x0f0f0f0f) | (l0 & 0x0f0f0f0f) << 4,
                            (s1 & 0x0f0f0f0f) | (l1 & 0x0f0f0f0f) << 4,
                            (s0 >> 4 & 0x03030303) | (l0 >> 2 & 0x0c0c0c0c) | (s1 & 0x30303030) |
                                (l1 << 2 & 0xc0c0c0c0)};
    for (int i = 0; i < 12; ++i) {
      out[16 * i + r] = static_cast<uint8_t>(to[i / 4] >> 8 * (i % 4));
    }
  }
}

// ---- blocks

#define NALAR_AT(Block, member) static_cast<int64_t>(offsetof(Block, member))

template <DType type>
void pack_header(Rows rows, uint8_t* out) {
  if constexpr (type == DType::q4_1 || type == DType::q5_1) {
    halves(rows, NALAR_AT(BlockQ4_1, d), out);
    halves(rows, NALAR_AT(BlockQ4_1, m), out + 32);
  } else if constexpr (type == DType::q2_k) {
    halves(rows, NALAR_AT(BlockQ2K, d), out);
    halves(rows, NALAR_AT(BlockQ2K, dmin), out + 32);
    scale_bytes(rows, NALAR_AT(BlockQ2K, scales), 16, out + 64);
  } else if constexpr (type == DType::q3_k) {
    halves(rows, NALAR_AT(BlockQ3K, d), out);
    scale_bytes(rows, NALAR_AT(BlockQ3K, scales), 12, out + 32);
  } else if constexpr (type == DType::q4_k || type == DType::q5_k) {
    halves(rows, NALAR_AT(BlockQ4K, d), out);
    halves(rows, NALAR_AT(BlockQ4K, dmin), out + 32);
    k_scales(rows, NALAR_AT(BlockQ4K, scales), out + 64);
  } else if constexpr (type == DType::q6_k) {
    halves(rows, NALAR_AT(BlockQ6K, d), out);
    scale_bytes(rows, NALAR_AT(BlockQ6K, scales), 16, out + 32);
  } else if constexpr (type == DType::iq4_xs) {
    halves(rows, NALAR_AT(BlockIQ4XS, d), out);
    scale_bytes(rows, NALAR_AT(BlockIQ4XS, scales_high), 6, out + 32);
  } else {
    halves(rows, 0, out);
  }
}

// The quants of 8 rows; `out`: the first of them in the first vector of the first sub-block.
template <DType type>
void pack_quants(Rows rows, uint8_t* out) {
  constexpr PackedShape kShape = packed_shape(type);
  constexpr int kSub = kShape.sub_bytes();
  if constexpr (type == DType::q8_0) {
    nibbles_as_they_lie(rows, NALAR_AT(BlockQ8_0, q), out);
    nibbles_as_they_lie(rows, NALAR_AT(BlockQ8_0, q) + 16, out + 256);
  } else if constexpr (type == DType::q4_0 || type == DType::iq4_nl) {
    nibbles_as_they_lie(rows, NALAR_AT(BlockQ4_0, q), out);
  } else if constexpr (type == DType::q4_1) {
    nibbles_as_they_lie(rows, NALAR_AT(BlockQ4_1, q), out);
  } else if constexpr (type == DType::q5_0) {
    bits_of_one(rows, NALAR_AT(BlockQ5_0, high), out);
    nibbles_as_they_lie(rows, NALAR_AT(BlockQ5_0, q), out + 64);
  } else if constexpr (type == DType::q5_1) {
    bits_of_one(rows, NALAR_AT(BlockQ5_1, high), out);
    nibbles_as_they_lie(rows, NALAR_AT(BlockQ5_1, q), out + 64);
  } else if constexpr (type == DType::q4_k || type == DType::q5_k) {
    constexpr bool kFive = type == DType::q5_k;
    constexpr int64_t kQ = kFive ? NALAR_AT(BlockQ5K, q) : NALAR_AT(BlockQ4K, q);
    if constexpr (kFive) {
      bits_of_eight(rows, NALAR_AT(BlockQ5K, high), out, kSub);
    }
    for (int p = 0; p < 4; ++p) {
      uint8_t* at = out + 2 * p * kSub + (kFive ? 64 : 0);
      nibbles_of_two(rows, kQ + 32 * p, at, at + kSub);
    }
  } else if constexpr (type == DType::q6_k) {
    for (int h = 0; h < 2; ++h) {
      uint8_t* at = out + 4 * h * kSub;
      pairs_of_four(rows, NALAR_AT(BlockQ6K, high) + 32 * h, at, kSub);
      nibbles_of_two(rows, NALAR_AT(BlockQ6K, low) + 64 * h, at + 128, at + 2 * kSub + 128);
      nibbles_of_two(rows, NALAR_AT(BlockQ6K, low) + 64 * h + 32, at + kSub + 128,
                     at + 3 * kSub + 128);
    }
  } else if constexpr (type == DType::q2_k || type == DType::q3_k) {
    constexpr bool kThree = type == DType::q3_k;
    constexpr int64_t kQ = kThree ? NALAR_AT(BlockQ3K, q) : NALAR_AT(BlockQ2K, q);
    if constexpr (kThree) {
      bits_of_eight(rows, NALAR_AT(BlockQ3K, high), out, kSub);
    }
    for (int h = 0; h < 2; ++h) {
      pairs_of_four(rows, kQ + 32 * h, out + 4 * h * kSub + (kThree ? 64 : 0), kSub);
    }
  } else if constexpr (type == DType::iq4_xs) {
    for (int s = 0; s < 8; ++s) {
      nibbles_as_they_lie(rows, NALAR_AT(BlockIQ4XS, q) + 16 * s, out + s * kSub);
    }
  }
}

#undef NALAR_AT

template <DType type>
void pack_group(Rows rows, int64_t blocks, int64_t block_bytes, uint8_t* out) {
  constexpr PackedShape kShape = packed_shape(type);
  for (int64_t b = 0; b < blocks; ++b) {
    pack_header<type>(rows, out);
    pack_quants<type>(rows, out + kShape.header);
    pack_quants<type>({rows.row(8), rows.stride}, out + kShape.header + 32);
    rows.at += block_bytes;
    out += kShape.block_bytes();
  }
}

// ---- plain types: `n` columns

void pack_words(Rows rows, int64_t n, uint8_t* out) {
  int64_t k = 0;
  for (; k + 4 <= n; k += 4) {
    for (int half = 0; half < 2; ++half) {
      I v[4];
      load_lanes({rows.row(8 * half), rows.stride}, 4 * k, v);
      for (int j = 0; j < 4; ++j) {
        store(out + 64 * (k + j) + 32 * half, v[j]);
      }
    }
  }
  for (; k < n; ++k) {
    for (int r = 0; r < kGroupRows; ++r) {
      std::memcpy(out + 64 * k + 4 * r, rows.row(r) + 4 * k, 4);
    }
  }
}

void pack_shorts(Rows rows, int64_t n, uint8_t* out) {
  int64_t k = 0;
  const I low = _mm256_set1_epi32(0xffff);
  for (; k + 8 <= n; k += 8) {
    I v[2][4];
    load_lanes(rows, 2 * k, v[0]);
    load_lanes({rows.row(8), rows.stride}, 2 * k, v[1]);
    for (int j = 0; j < 4; ++j) {
      const I even = _mm256_packus_epi32(both(v[0][j], low), both(v[1][j], low));
      const I odd =
          _mm256_packus_epi32(_mm256_srli_epi32(v[0][j], 16), _mm256_srli_epi32(v[1][j], 16));
      store(out + 32 * (k + 2 * j), _mm256_permute4x64_epi64(even, 0xd8));
      store(out + 32 * (k + 2 * j) + 32, _mm256_permute4x64_epi64(odd, 0xd8));
    }
  }
  for (; k < n; ++k) {
    for (int r = 0; r < kGroupRows; ++r) {
      std::memcpy(out + 32 * k + 2 * r, rows.row(r) + 2 * k, 2);
    }
  }
}

// `blocks` blocks of 16 rows.
void pack_rows(DType type, Rows rows, int64_t blocks, uint8_t* out) {
  const int64_t bytes = block_size(type).bytes;
  switch (type) {
    case DType::f32:
      return pack_words(rows, blocks, out);
    case DType::f16:
    case DType::bf16:
      return pack_shorts(rows, blocks, out);
    case DType::q8_0:
      return pack_group<DType::q8_0>(rows, blocks, bytes, out);
    case DType::q4_0:
      return pack_group<DType::q4_0>(rows, blocks, bytes, out);
    case DType::q4_1:
      return pack_group<DType::q4_1>(rows, blocks, bytes, out);
    case DType::q5_0:
      return pack_group<DType::q5_0>(rows, blocks, bytes, out);
    case DType::q5_1:
      return pack_group<DType::q5_1>(rows, blocks, bytes, out);
    case DType::q2_k:
      return pack_group<DType::q2_k>(rows, blocks, bytes, out);
    case DType::q3_k:
      return pack_group<DType::q3_k>(rows, blocks, bytes, out);
    case DType::q4_k:
      return pack_group<DType::q4_k>(rows, blocks, bytes, out);
    case DType::q5_k:
      return pack_group<DType::q5_k>(rows, blocks, bytes, out);
    case DType::q6_k:
      return pack_group<DType::q6_k>(rows, blocks, bytes, out);
    case DType::iq4_nl:
      return pack_group<DType::iq4_nl>(rows, blocks, bytes, out);
    case DType::iq4_xs:
      return pack_group<DType::iq4_xs>(rows, blocks, bytes, out);
    default:
      return;
  }
}

// A last group of fewer than 16 rows: block by block over a copy that ends in zeros.
void pack_last(DType type, Rows rows, int n_rows, int64_t blocks, uint8_t* out) {
  constexpr int kMost = 256;
  const int64_t bytes = block_size(type).bytes;
  const int64_t step = kMost / bytes > 0 ? kMost / bytes : 1;
  for (int64_t b = 0; b < blocks; b += step) {
    const int64_t n = blocks - b < step ? blocks - b : step;
    uint8_t copy[kGroupRows * kMost] = {};
    for (int r = 0; r < n_rows; ++r) {
      std::memcpy(copy + r * kMost, rows.row(r) + b * bytes, static_cast<size_t>(n * bytes));
    }
    pack_rows(type, {copy, kMost}, n, out + b * bytes * kGroupRows);
  }
}

}  // namespace

void avx2_pack(DType type, const std::byte* source, int64_t rows, int64_t columns, int64_t begin,
               int64_t end, std::byte* packed) noexcept {
  const BlockSize size = block_size(type);
  const int64_t blocks = columns / size.elements;
  const int64_t stride = blocks * size.bytes;
  for (int64_t r = begin; r < end; r += kGroupRows) {
    const Rows group{reinterpret_cast<const uint8_t*>(source) + r * stride, stride};
    auto* out = reinterpret_cast<uint8_t*>(packed) + r * stride;
    if (r + kGroupRows <= rows) {
      pack_rows(type, group, blocks, out);
    } else {
      pack_last(type, group, static_cast<int>(rows - r), blocks, out);
    }
  }
}

}  // namespace nalar::kernels
