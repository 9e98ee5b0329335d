#pragma once

#include "kernels/expand_impl.h"
#include "quant/fit_many_impl.h"
#include "quant/pack_block.h"

// Rows to the bytes of a file over lanes V.
namespace nalar::quant {

template <class V>
class Row {
 public:
  static void encode(const RowCall& call) {
    if (call.type == DType::f16) return halves(call);
    if (!call.thorough && FitMany<V>::row(call)) return;
    const BlockSize size = block_size(call.type);
    kernels::PlainBlock block;
    std::byte* out = call.out;
    for (int64_t k = 0; k < call.columns; k += size.elements, out += size.bytes) {
      Fit<V>::block(call.type, call.x + k,
                    call.importance != nullptr ? call.importance + k : nullptr, call.thorough,
                    block);
      pack_block(call.type, block, out);
      if (call.decoded != nullptr) kernels::Expand<V>::block(call.type, block, call.decoded + k);
    }
  }

 private:
  static void halves(const RowCall& call) {
    const V limit = V::set(65504.0f), least = V::set(-65504.0f);
    uint16_t bits[16];
    for (int64_t k = 0; k < call.columns; k += 16) {
      const bool whole = call.columns - k >= 16;
      const int64_t n = whole ? 16 : call.columns - k;
      min(max(whole ? V::load(call.x + k) : V::load_first(call.x + k, n), least), limit)
          .store(bits);
      if (whole) {
        __builtin_memcpy(call.out + 2 * k, bits, sizeof bits);
      } else {
        __builtin_memcpy(call.out + 2 * k, bits, 2 * static_cast<size_t>(n));
      }
      if (call.decoded != nullptr) V::load(bits).store_first(call.decoded + k, n);
    }
  }
};

}  // namespace nalar::quant
