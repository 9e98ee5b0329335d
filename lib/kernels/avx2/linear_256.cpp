#include "kernels/avx2/linear_set.h"

namespace nalar::kernels {

void avx2_linear_256(DType type, const LinearCall& call) noexcept {
  switch (type) {
    case DType::q2_k:
      return linear_blocks<Avx2, DType::q2_k>(call);
    case DType::q3_k:
      return linear_blocks<Avx2, DType::q3_k>(call);
    case DType::q4_k:
      return linear_blocks<Avx2, DType::q4_k>(call);
    case DType::q5_k:
      return linear_blocks<Avx2, DType::q5_k>(call);
    case DType::q6_k:
      return linear_blocks<Avx2, DType::q6_k>(call);
    case DType::iq4_xs:
      return linear_blocks<Avx2, DType::iq4_xs>(call);
    default:
      return;
  }
}

}  // namespace nalar::kernels
