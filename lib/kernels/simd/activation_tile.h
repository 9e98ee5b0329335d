#pragma once

#include <cstddef>
#include <cstdint>

// Where the activations of a Linear lie: tiles of kTile tokens (the last one has the rest), each
// tile for itself. C is the number of tokens of a tile.
//   int8: for every 32 elements of k: 8 x [C] words of 4 quants each; [C] -Σ of q 0 … 15, [C] -Σ of
//   q 16 … 31, [C]
//         -Σ of all 32 (int32); [C] d; [C] d Σ (fp32)
//   fp32: for every k: [C] elements
namespace nalar::kernels {
namespace {

inline constexpr int kWordsOf32 = 13;  // a token's, in the int8 form

// The int8 activations of 32 elements of k, in a tile of C.
template <int C>
struct Act32 {
  const int32_t* words;

  const int32_t* q() const { return words; }
  const int32_t* minus_sum16(int half) const { return words + (8 + half) * C; }
  const int32_t* minus_sum() const { return words + 10 * C; }
  const float* d() const { return reinterpret_cast<const float*>(words + 11 * C); }
  const float* d_sum() const { return reinterpret_cast<const float*>(words + 12 * C); }
  void next() { words += kWordsOf32 * C; }
};

}  // namespace
}  // namespace nalar::kernels
