#include "kernels/linear_kernels.h"

#include "kernels/linear_tables.h"

namespace nalar::kernels {

const LinearKernels& linear_kernels(Isa isa) noexcept {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx512:
    case Isa::avx512bf16:
      return avx512_linear_kernels();
    case Isa::avx2:
      return avx2_linear_kernels();
#endif
    default:
      return scalar_linear_kernels();
  }
}

}  // namespace nalar::kernels
