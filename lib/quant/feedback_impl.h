#pragma once

#include "quant/encode_kernels.h"
#include "quant/search_impl.h"

// Column feedback over lanes V: a lane is a row.
namespace nalar::quant {

template <class V>
class Feedback {
  using S = Search<V>;

 public:
  static void run(const FeedbackCall& call) {
    switch (call.type) {
      case DType::q8_0:
        return columns<WholeLevels<-128, 127>>(call);
      case DType::q4_0:
        return columns<WholeLevels<-8, 7>>(call);
      case DType::q5_0:
        return columns<WholeLevels<-16, 15>>(call);
      case DType::q4_1:
      case DType::q4_k:
        return columns<WholeLevels<0, 15>>(call);
      case DType::q5_1:
      case DType::q5_k:
        return columns<WholeLevels<0, 31>>(call);
      case DType::q2_k:
        return columns<WholeLevels<0, 3>>(call);
      case DType::q3_k:
        return columns<WholeLevels<-4, 3>>(call);
      case DType::q6_k:
        return columns<WholeLevels<-32, 31>>(call);
      case DType::iq4_nl:
      case DType::iq4_xs:
        return columns<TableLevels>(call);
      default:
        return;
    }
  }

 private:
  // x̂ = a q + b of 16 columns.
  struct Scales {
    V a, b;
  };
  static Scales scales(const FeedbackCall& call, int place) {
    const bool plain_min = call.type == DType::q4_1 || call.type == DType::q5_1;
    float a[16], b[16];
    for (int r = 0; r < 16; ++r) {
      const kernels::PlainBlock& block = *call.blocks[r];
      const kernels::PlainSub& sub = block.sub[place / 32];
      const int half = place / 16 % 2;
      a[r] = block.d * static_cast<float>(sub.s[half]);
      b[r] = plain_min ? block.m : -(block.m * static_cast<float>(sub.l[half]));
    }
    return {V::load(a), V::load(b)};
  }

  template <class Levels>
  static void columns(const FeedbackCall& call) {
    const V zero = V::set(0.0f);
    for (int first = 0; first < call.columns; first += 16) {
      const auto [a, b] = scales(call, call.first + first);
      const V inverse = S::inverse(a);
      for (int j = first; j < first + 16; ++j) {
        const float* const u = call.u + j * call.u_stride + j;
        const V w = V::load(call.tile + 16 * j);
        const V q = Levels::template nearest<V>((w - b) * inverse);
        const V error = (w - (a * q + b)) * V::set(1 / u[0]);
        put(q, call, j);
        error.store(call.errors + j * call.errors_stride);
        const V minus = zero - error;
        for (int k = 1; k < call.left - j; ++k) {
          float* const later = call.tile + 16 * (j + k);
          fma(minus, V::set(u[k]), V::load(later)).store(later);
        }
      }
    }
  }
  static void put(V q, const FeedbackCall& call, int j) {
    const int place = call.first + j;
    const Lanes16<V> lanes(q);
    for (int r = 0; r < 16; ++r) {
      call.blocks[r]->sub[place / 32].q[place % 32] = static_cast<int16_t>(lanes[r]);
    }
  }
};

}  // namespace nalar::quant
