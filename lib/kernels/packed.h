#pragma once

#include <nalar/dtype.h>

#include <cstddef>
#include <cstdint>

#include "kernels/scalar/plain_block.h"

// Packed weights: groups of 16 rows, each one strictly linear stream in the order of use; as many
// bytes as the file's rows. One layout serves all types and instruction sets:
//   group      = its blocks (of 32 or 256 elements, like the file's)
//   block      = header, then its sub-blocks of 32 elements
//   header     = d [16 rows] of f16, m [16] where the type has minima; then the scales of the
//   sub-blocks, see below sub-block  = planes of its bits, low ones last: one bit, two bits, four
//   bits; or whole bytes plane      = vectors of 64 bytes: the 4 bytes of row r at 4 r. Byte b of
//   it holds, of elements k:
//                  bytes: vector j: k = 4 j + b
//                  four:  vector j (of 4): k = 4 j + b in the low nibble, 16 + 4 j + b in the high
//                  one two:   vector i (of 2): k = 16 i + 4 f + b in bits 2 f and 2 f + 1 one:   k
//                  = 4 j + b in bit j
//   scales     = rows of 16 bytes, byte r of row r of the group:
//     Q4_K, Q5_K  8 of (s & 15) | (l & 15) << 4; 4 (i) of s_i >> 4 | l_i >> 4 << 2 | s_i+4 >> 4 <<
//     4 | l_i+4 >> 4 << 6 the others  the file's bytes
//   F32, F16, BF16: for each k the 16 rows' elements.
namespace nalar::kernels {

struct PackedShape {
  int header;                 // bytes of a block's header
  int subs;                   // sub-blocks of a block
  int one, two, four, bytes;  // planes that a sub-block has: 1 or 0

  constexpr int sub_bytes() const { return one * 64 + two * 128 + four * 256 + bytes * 512; }
  constexpr int block_bytes() const { return header + subs * sub_bytes(); }
};

constexpr PackedShape packed_shape(DType type) {
  switch (type) {
    case DType::q8_0:
      return {32, 1, 0, 0, 0, 1};
    case DType::q4_0:
    case DType::iq4_nl:
      return {32, 1, 0, 0, 1, 0};
    case DType::q4_1:
      return {64, 1, 0, 0, 1, 0};
    case DType::q5_0:
      return {32, 1, 1, 0, 1, 0};
    case DType::q5_1:
      return {64, 1, 1, 0, 1, 0};
    case DType::q2_k:
      return {64 + 256, 8, 0, 1, 0, 0};
    case DType::q3_k:
      return {32 + 192, 8, 1, 1, 0, 0};
    case DType::q4_k:
      return {64 + 192, 8, 0, 0, 1, 0};
    case DType::q5_k:
      return {64 + 192, 8, 1, 0, 1, 0};
    case DType::q6_k:
      return {32 + 256, 8, 0, 1, 1, 0};
    case DType::iq4_xs:
      return {32 + 96, 8, 0, 0, 1, 0};
    default:
      return {0, 0, 0, 0, 0, 0};
  }
}

size_t packed_bytes(DType type, int64_t rows, int64_t columns) noexcept;
// Row r of packed rows in fp32, rounded as gguf's reference rounds.
void dequantize_packed_row(DType type, const std::byte* packed, int64_t columns, int64_t r,
                           float* out) noexcept;

}  // namespace nalar::kernels
