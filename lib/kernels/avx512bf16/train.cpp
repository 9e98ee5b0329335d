#include <immintrin.h>

#include "kernels/avx512/lanes.h"
#include "kernels/product_impl.h"
#include "kernels/train_tables.h"

namespace nalar::kernels {
namespace {

// A pair of bf16, the first in the low half: a step of the depth.
struct Pairs {
  using Bits = uint32_t;
  __m512bh v;

  static Pairs set(Bits pair) { return {bits(_mm512_set1_epi32(static_cast<int>(pair)))}; }
  static Pairs load(const Bits* p) { return {bits(_mm512_loadu_si512(p))}; }
  static __m512bh bits(__m512i v) { return reinterpret_cast<__m512bh>(v); }
};

struct PairOperands {
  using Step = Pairs::Bits;
  using Vector = Pairs;
  static constexpr int64_t kGroup = 2, kSteps = 1, kDepth = kBf16ProductDepth;

  static Avx512Lanes multiply_add(Pairs a, Pairs b, Avx512Lanes sum) {
    return {_mm512_dpbf16_ps(sum.v, a.v, b.v)};
  }
  static const Step* along(const float* row, int64_t n, Step* room) {
    int64_t i = 0;
    for (; i + 32 <= n; i += 32) {
      _mm512_storeu_si512(room + i / 2,
                          pairs(_mm512_loadu_ps(row + i + 16), _mm512_loadu_ps(row + i)));
    }
    if (i < n) {
      const __m512i last = pairs(Avx512Lanes::load_first(row + i + 16, n - i - 16).v,
                                 Avx512Lanes::load_first(row + i, n - i).v);
      const auto wanted = static_cast<__mmask16>((1u << (n - i + 1) / 2) - 1);
      _mm512_mask_storeu_epi32(room + i / 2, wanted, last);
    }
    return room;
  }
  static Lines<Step, 1> across(const Lines<float, 2>& rows, int64_t n, Step* room) {
    for (int64_t i = 0; i < n; i += 16) {
      const __m512i low = halves(Avx512Lanes::load_first(rows.line[0] + i, n - i));
      const __m512i high = halves(Avx512Lanes::load_first(rows.line[1] + i, n - i));
      _mm512_storeu_si512(room + i, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
    return {{room}};
  }

 private:
  static __m512i pairs(__m512 last, __m512 first) {
    return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(last, first));
  }
  static __m512i halves(Avx512Lanes x) {
    return _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x.v)));
  }
};

}  // namespace

const TrainKernels& avx512bf16_train_kernels() noexcept {
  static const TrainKernels kTable = [] {
    TrainKernels k = avx512_train_kernels();
    k.bf16_product_scratch = Product<Avx512Lanes, PairOperands>::scratch_bytes;
    k.bf16_product = product<Avx512Lanes, PairOperands>;
    return k;
  }();
  return kTable;
}

}  // namespace nalar::kernels
