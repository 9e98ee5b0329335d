#pragma once

#include "kernels/simd/quant_types.h"

// A block's weights and scales for V's rows of a group, from the two places they come from: packed
// storage, and panels.
namespace nalar::kernels {
namespace {

template <class V, DType type>
class PackedBlock {
 public:
  using T = QuantType<type>;
  using I = typename V::I;
  using F = typename V::F;
  static constexpr int kBytes = T::kShape.block_bytes();
  static constexpr int kFetchAhead = V::kFetchAhead;

  // `row`: V's first row in the group.
  NALAR_INLINE PackedBlock(const std::byte* block, int row) : block_(block), row_(row) {}

  NALAR_INLINE F d() const { return V::from_halves(block_ + 2 * row_); }
  NALAR_INLINE F m() const { return V::from_halves(block_ + 32 + 2 * row_); }
  // Of the i-th 32 or 16 elements.
  NALAR_INLINE F s(int i) const { return V::from_i8(SubScales<type>::s(scales(), i)); }
  NALAR_INLINE F l(int i) const { return V::from_i8(SubScales<type>::l(scales(), i)); }
  template <int j>
  NALAR_INLINE I weight(int sub) const {
    return T::template weight<V, j>(block_ + T::kShape.header + sub * T::kShape.sub_bytes() +
                                    4 * row_);
  }

 private:
  NALAR_INLINE const std::byte* scales() const { return block_ + (T::kMinima ? 64 : 32) + row_; }

  const std::byte* block_;
  int row_;
};

// A block as plain bytes and fp32 scales of 16 rows: the quants of its sub-blocks [8][16 rows][4],
// each followed by its s and l where the type has them; then d and m.
template <class V, DType type>
class PanelBlock {
 public:
  using T = QuantType<type>;
  using I = typename V::I;
  using F = typename V::F;
  static constexpr int kScales = !T::kBlocksOf256 ? 0 : (T::kHalves ? 2 : 1) * (T::kMinima ? 2 : 1);
  static constexpr int kSubBytes = 512 + 64 * kScales;
  static constexpr int kQuants = T::kShape.subs * kSubBytes;
  static constexpr int kBytes = kQuants + 64 * (T::kMinima ? 2 : 1);
  static constexpr int kFetchAhead = 0;  // it is in the cache

  NALAR_INLINE PanelBlock(const std::byte* block, int row) : at_(block + 4 * row) {}

  NALAR_INLINE F d() const { return V::load_f(at_ + kQuants); }
  NALAR_INLINE F m() const { return V::load_f(at_ + kQuants + 64); }
  NALAR_INLINE F s(int i) const { return V::load_f(scale(i, 0)); }
  NALAR_INLINE F l(int i) const { return V::load_f(scale(i, T::kHalves ? 2 : 1)); }
  template <int j>
  NALAR_INLINE I weight(int sub) const {
    return V::load(at_ + sub * kSubBytes + 64 * j);
  }

 private:
  NALAR_INLINE const std::byte* scale(int i, int first) const {
    if constexpr (T::kHalves) {
      return at_ + i / 2 * kSubBytes + 512 + 64 * (first + i % 2);
    } else {
      return at_ + i * kSubBytes + 512 + 64 * first;
    }
  }

  const std::byte* at_;
};

// `n` blocks from packed storage to a panel. V has all 16 rows.
template <class V, DType type>
void unpack(const std::byte* packed, int64_t n, std::byte* panel) {
  using T = QuantType<type>;
  using Panel = PanelBlock<V, type>;
  const auto put = [](std::byte* p, typename V::F v) {
    V::store_f(reinterpret_cast<float*>(p), v);
  };
  for (int64_t b = 0; b < n; ++b, packed += PackedBlock<V, type>::kBytes, panel += Panel::kBytes) {
    const PackedBlock<V, type> block(packed, 0);
    for (int i = 0; i < T::kShape.subs; ++i) {
      std::byte* sub = panel + i * Panel::kSubBytes;
      each<8>([&](auto j)
                  NALAR_INLINE_BODY { V::store(sub + 64 * j, block.template weight<j>(i)); });
      if constexpr (T::kBlocksOf256) {
        constexpr int kPer = T::kHalves ? 2 : 1;
        for (int h = 0; h < kPer; ++h) {
          put(sub + 512 + 64 * h, block.s(kPer * i + h));
          if constexpr (T::kMinima) {
            put(sub + 512 + 64 * (kPer + h), block.l(kPer * i + h));
          }
        }
      }
    }
    put(panel + Panel::kQuants, block.d());
    if constexpr (T::kMinima) {
      put(panel + Panel::kQuants + 64, block.m());
    }
  }
}

// A block in fp32, [element][16 rows], rounded as gguf's reference rounds.
template <class V, DType type>
void dequantize_block(const std::byte* packed, float* out) {
  using T = QuantType<type>;
  constexpr bool kSignedBytes = T::kSigned && !V::kAnyU8;
  const PackedBlock<V, type> block(packed, 0);
  const auto d = block.d();
  for (int i = 0; i < T::kShape.subs; ++i) {
    each<8>([&](auto j) NALAR_INLINE_BODY {
      const int scale = T::kHalves ? 2 * i + j / 4 : i;
      auto factor = d;
      auto minimum = V::zero();
      if constexpr (T::kBlocksOf256) {
        factor = V::mul(d, block.s(scale));
      }
      if constexpr (T::kMinima) {
        minimum = block.m();
        if constexpr (T::kBlocksOf256) {
          minimum = V::mul(minimum, block.l(scale));
        }
      }
      const auto w = block.template weight<j>(i);
      each<4>([&](auto b) NALAR_INLINE_BODY {
        auto q = w;
        if constexpr (kSignedBytes) {
          q = V::template arithmetic_right32<24>(V::template left32<24 - 8 * b>(w));
        } else {
          q = V::both(V::template right32<8 * b>(w), V::words(255));
          if constexpr (T::kOffsetBits >= 0) {
            q = V::sub32(q, V::words(1 << T::kOffsetBits));
          }
        }
        auto value = V::mul(factor, V::from_i32(q));
        if constexpr (T::kMinima) {
          value = T::kBlocksOf256 ? V::sub(value, minimum) : V::add(value, minimum);
        }
        V::store_f(out + 16 * (32 * i + 4 * j + b), value);
      });
    });
  }
}

}  // namespace
}  // namespace nalar::kernels
