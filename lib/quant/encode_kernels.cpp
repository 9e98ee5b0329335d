#include "quant/encode_kernels.h"

namespace nalar::quant {

const EncodeKernels& encode_kernels(kernels::Isa isa) noexcept {
  switch (isa) {
#if defined(__x86_64__)
    case kernels::Isa::avx2:
      return avx2_encode_kernels();
    case kernels::Isa::avx512:
      return avx512_encode_kernels();
#endif
    default:
      return scalar_encode_kernels();
  }
}

}  // namespace nalar::quant
