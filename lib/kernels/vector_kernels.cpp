#include "kernels/vector_kernels.h"

#include "kernels/vector_tables.h"

namespace nalar::kernels {

const VectorKernels& vector_kernels(Isa isa) noexcept {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx2:
      return avx2_vector_kernels();
    case Isa::avx512:
    case Isa::avx512bf16:
      return avx512_vector_kernels();
#endif
    default:
      return scalar_vector_kernels();
  }
}

}  // namespace nalar::kernels
