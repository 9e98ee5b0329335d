#pragma once

#include <utility>

#include "kernels/linear_kernels.h"
#include "kernels/simd/tile.h"

// The loops around the tiles. `Set` is an instruction set: its vectors and sizes
// (avx2/linear_set.h, avx512/linear_set.h).
namespace nalar::kernels {
namespace {

// A panel is made of up to this many groups and elements of k, so that it stays in the nearest
// cache; and the sums of up to this many tiles wait in scratch.
inline constexpr int kPanelGroups = 8;
inline constexpr int kPanelColumns = 256;
inline constexpr int kPanelTiles = 44;
inline constexpr size_t kPanelBytes =
    kPanelGroups * kPanelColumns * 64;  // of fp32; those of int8 are smaller

template <class Set>
constexpr size_t scratch_size() {
  return kPanelBytes + sizeof(float) * 16 * kPanelGroups * kPanelTiles * Set::kTile;
}

using AddTile = void (*)(const std::byte* blocks, int64_t n, const int32_t* activations,
                         float* sums);
using AddTileFp32 = void (*)(const std::byte* weights, int64_t n, const float* x, float* sums);

template <class V, class Block, int... c>
constexpr AddTile add_tile_of(int columns, std::integer_sequence<int, c...>) {
  constexpr AddTile kTable[] = {add_tile<V, Block, c + 1>...};
  return kTable[columns - 1];
}

template <class V, class Weights, int... c>
constexpr AddTileFp32 add_tile_fp32_of(int columns, std::integer_sequence<int, c...>) {
  constexpr AddTileFp32 kTable[] = {add_tile_fp32<V, Weights, c + 1>...};
  return kTable[columns - 1];
}

// Bias, what y held, and the rows that are there.
template <class V>
void store_outputs(const LinearCall& call, const float* sums, int64_t token, int C, int64_t row) {
  const int64_t rows = call.row_end - row < 16 ? call.row_end - row : 16;
  for (int c = 0; c < C; ++c, sums += 16) {
    float* y = call.y + (token + c) * call.y_stride + row;
    if (rows == 16) {
      auto v = V::load_f(sums);
      if (call.bias != nullptr) {
        v = V::add(v, V::load_f(call.bias + row));
      }
      if (call.accumulate) {
        v = V::add(v, V::load_f(y));
      }
      V::store_f(y, v);
      continue;
    }
    for (int64_t r = 0; r < rows; ++r) {
      float v = sums[r];
      if (call.bias != nullptr) {
        v += call.bias[row + r];
      }
      y[r] = call.accumulate ? v + y[r] : v;
    }
  }
}

// Columns of the tile that begins with token t.
template <class Set>
constexpr int columns_of_tile(int64_t tokens, int64_t t) {
  return static_cast<int>(tokens - t < Set::kTile ? tokens - t : Set::kTile);
}

inline void clear(float* sums, int64_t n) {
  __builtin_memset(sums, 0, static_cast<size_t>(n) * sizeof(float));
}

// A few tokens: straight from packed storage, which memory gives once, from its begin to its end; a
// group is unpacked again for every tile.
template <class Set, DType type>
void few_tokens(const LinearCall& call) {
  using T = QuantType<type>;
  using One = PackedBlock<typename Set::One, type>;
  using Many = PackedBlock<typename Set::Many, type>;
  constexpr auto kColumns = std::make_integer_sequence<int, Set::kTile>();
  const int64_t blocks = call.columns / T::kBlock;
  const int64_t words = call.columns / 32 * kWordsOf32;  // of a token
  const auto* activations = reinterpret_cast<const int32_t*>(call.activations);
  for (int64_t row = call.row_begin; row < call.row_end; row += kGroupRows) {
    const std::byte* group = call.weight + row / 16 * blocks * T::kShape.block_bytes();
    for (int64_t t = 0; t < call.tokens; t += Set::kTile) {
      const int C = columns_of_tile<Set>(call.tokens, t);
      const AddTile add = C == 1 ? add_tile<typename Set::One, One, 1>
                                 : add_tile_of<typename Set::Many, Many>(C, kColumns);
      alignas(64) float sums[Set::kTile * 16];
      clear(sums, C * 16);
      add(group, blocks, activations + t * words, sums);
      store_outputs<typename Set::All>(call, sums, t, C, row);
    }
  }
}

// A stretch of tokens and of rows, as far as scratch holds them.
struct Patch {
  int64_t token, tokens;
  int64_t row;
  int groups;
};

// Calls work(patch) for all of call.
template <class Set, class Work>
void each_patch(const LinearCall& call, Work work) {
  constexpr int64_t kTokens = kPanelTiles * Set::kTile;
  for (int64_t token = 0; token < call.tokens; token += kTokens) {
    const int64_t tokens = call.tokens - token < kTokens ? call.tokens - token : kTokens;
    for (int64_t row = call.row_begin; row < call.row_end; row += 16 * kPanelGroups) {
      const int64_t groups = (call.row_end - row + 15) / 16;
      work(Patch{token, tokens, row,
                 static_cast<int>(groups < kPanelGroups ? groups : kPanelGroups)});
    }
  }
}

template <class Set>
void finish_patch(const LinearCall& call, const Patch& patch, const float* sums) {
  for (int64_t t = 0; t < patch.tokens; t += Set::kTile) {
    const int C = columns_of_tile<Set>(patch.tokens, t);
    for (int g = 0; g < patch.groups; ++g, sums += 16 * C) {
      store_outputs<typename Set::All>(call, sums, patch.token + t, C, patch.row + 16 * g);
    }
  }
}

// Many tokens: groups are unpacked once into a panel of bytes that all tiles use.
template <class Set, DType type>
void many_tokens(const LinearCall& call) {
  using T = QuantType<type>;
  using Panel = PanelBlock<typename Set::Many, type>;
  constexpr int64_t kChunk = kPanelColumns / T::kBlock;
  constexpr int64_t kGroupPanel = kChunk * Panel::kBytes;
  static_assert(kPanelGroups * kGroupPanel <= static_cast<int64_t>(kPanelBytes));
  constexpr auto kColumns = std::make_integer_sequence<int, Set::kTile>();
  const int64_t blocks = call.columns / T::kBlock;
  const int64_t words = call.columns / 32 * kWordsOf32;  // of a token
  std::byte* panel = call.scratch;
  auto* sums = reinterpret_cast<float*>(call.scratch + kPanelBytes);
  each_patch<Set>(call, [&](const Patch& patch) {
    clear(sums, patch.tokens * patch.groups * 16);
    for (int64_t b = 0; b < blocks; b += kChunk) {
      const int64_t n = blocks - b < kChunk ? blocks - b : kChunk;
      for (int g = 0; g < patch.groups; ++g) {
        const int64_t at = ((patch.row / 16 + g) * blocks + b) * T::kShape.block_bytes();
        unpack<typename Set::All, type>(call.weight + at, n, panel + g * kGroupPanel);
      }
      float* to = sums;
      for (int64_t t = 0; t < patch.tokens; t += Set::kTile) {
        const int C =
            static_cast<int>(patch.tokens - t < Set::kTile ? patch.tokens - t : Set::kTile);
        const AddTile add = add_tile_of<typename Set::Many, Panel>(C, kColumns);
        const auto* tile =
            reinterpret_cast<const int32_t*>(call.activations) + (patch.token + t) * words;
        const int32_t* a = tile + b * T::kShape.subs * kWordsOf32 * C;
        for (int g = 0; g < patch.groups; ++g, to += 16 * C) {
          add(panel + g * kGroupPanel, n, a, to);
        }
      }
    }
    finish_patch<Set>(call, patch, sums);
  });
}

// ---- fp32

template <class V>
struct Fp32Weights {
  static constexpr int64_t kBytes = 64;  // of 16 rows
  NALAR_INLINE static typename V::F load(const std::byte* p, int64_t k) {
    return V::load_f(p + 64 * k);
  }
};
template <class V>
struct F16Weights {
  static constexpr int64_t kBytes = 32;
  NALAR_INLINE static typename V::F load(const std::byte* p, int64_t k) {
    return V::from_halves(p + 32 * k);
  }
};
template <class V>
struct Bf16Weights {
  static constexpr int64_t kBytes = 32;
  NALAR_INLINE static typename V::F load(const std::byte* p, int64_t k) {
    return V::from_bf16(p + 32 * k);
  }
};

// A few tokens and plain weights.
template <class Set, class Weights>
void few_tokens_plain(const LinearCall& call) {
  constexpr auto kColumns = std::make_integer_sequence<int, Set::kTile>();
  const auto* x = reinterpret_cast<const float*>(call.activations);
  for (int64_t row = call.row_begin; row < call.row_end; row += kGroupRows) {
    const std::byte* group = call.weight + row / 16 * call.columns * Weights::kBytes;
    for (int64_t t = 0; t < call.tokens; t += Set::kTile) {
      const int C = columns_of_tile<Set>(call.tokens, t);
      alignas(64) float sums[Set::kTile * 16];
      clear(sums, C * 16);
      add_tile_fp32_of<typename Set::All, Weights>(C, kColumns)(group, call.columns,
                                                                x + t * call.columns, sums);
      store_outputs<typename Set::All>(call, sums, t, C, row);
    }
  }
}

// n elements of k of a group in fp32, [element][16 rows].
using Widen = void (*)(const std::byte* group, int64_t k, int64_t n, float* out);

template <class V, class Weights>
void widen_plain(const std::byte* group, int64_t k, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    V::store_f(out + 16 * i, Weights::load(group, k + i));
  }
}

template <class V, DType type>
void widen_blocks(const std::byte* group, int64_t k, int64_t n, float* out) {
  using T = QuantType<type>;
  group += k / T::kBlock * T::kShape.block_bytes();
  for (int64_t i = 0; i < n; i += T::kBlock, group += T::kShape.block_bytes()) {
    dequantize_block<V, type>(group, out + 16 * i);
  }
}

template <class Set>
void many_tokens_fp32(const LinearCall& call, int64_t group_bytes, Widen widen) {
  using V = typename Set::All;
  constexpr auto kColumns = std::make_integer_sequence<int, Set::kTile>();
  auto* panel = reinterpret_cast<float*>(call.scratch);
  auto* sums = reinterpret_cast<float*>(call.scratch + kPanelBytes);
  const auto* x = reinterpret_cast<const float*>(call.activations);
  each_patch<Set>(call, [&](const Patch& patch) {
    clear(sums, patch.tokens * patch.groups * 16);
    for (int64_t k = 0; k < call.columns; k += kPanelColumns) {
      const int64_t n = call.columns - k < kPanelColumns ? call.columns - k : kPanelColumns;
      for (int g = 0; g < patch.groups; ++g) {
        widen(call.weight + (patch.row / 16 + g) * group_bytes, k, n,
              panel + g * kPanelColumns * 16);
      }
      float* to = sums;
      for (int64_t t = 0; t < patch.tokens; t += Set::kTile) {
        const int C =
            static_cast<int>(patch.tokens - t < Set::kTile ? patch.tokens - t : Set::kTile);
        const AddTileFp32 add = add_tile_fp32_of<V, Fp32Weights<V>>(C, kColumns);
        const float* tile = x + (patch.token + t) * call.columns + k * C;
        for (int g = 0; g < patch.groups; ++g, to += 16 * C) {
          add(reinterpret_cast<const std::byte*>(panel + g * kPanelColumns * 16), n, tile, to);
        }
      }
    }
    finish_patch<Set>(call, patch, sums);
  });
}

// ---- one type

template <class Set, DType type>
void linear_blocks(const LinearCall& call) {
  using T = QuantType<type>;
  if (call.operand == Operand::fp32) {
    const int64_t group_bytes = call.columns / T::kBlock * T::kShape.block_bytes();
    many_tokens_fp32<Set>(call, group_bytes, widen_blocks<typename Set::All, type>);
  } else if (call.tokens <= Set::kFewTokens) {
    few_tokens<Set, type>(call);
  } else {
    many_tokens<Set, type>(call);
  }
}

template <class Set, class Weights>
void linear_plain(const LinearCall& call) {
  if (call.tokens <= Set::kFewTokens) {
    few_tokens_plain<Set, Weights>(call);
  } else {
    many_tokens_fp32<Set>(call, call.columns * Weights::kBytes,
                          widen_plain<typename Set::All, Weights>);
  }
}

}  // namespace
}  // namespace nalar::kernels
