#include "kernels/train_kernels.h"

#include "kernels/train_tables.h"

namespace nalar::kernels {

const TrainKernels& train_kernels(Isa isa) noexcept {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx2:
      return avx2_train_kernels();
    case Isa::avx512:
      return avx512_train_kernels();
    case Isa::avx512bf16:
      return avx512bf16_train_kernels();
#endif
    default:
      return scalar_train_kernels();
  }
}

}  // namespace nalar::kernels
