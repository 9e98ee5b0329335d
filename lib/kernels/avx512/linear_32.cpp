#include "kernels/avx512/linear_set.h"

namespace nalar::kernels {

void avx512_linear_32(DType type, const LinearCall& call) noexcept {
  switch (type) {
    case DType::q8_0:
      return linear_blocks<Avx512, DType::q8_0>(call);
    case DType::q4_0:
      return linear_blocks<Avx512, DType::q4_0>(call);
    case DType::q4_1:
      return linear_blocks<Avx512, DType::q4_1>(call);
    case DType::q5_0:
      return linear_blocks<Avx512, DType::q5_0>(call);
    case DType::q5_1:
      return linear_blocks<Avx512, DType::q5_1>(call);
    case DType::iq4_nl:
      return linear_blocks<Avx512, DType::iq4_nl>(call);
    default:
      return;
  }
}

}  // namespace nalar::kernels
