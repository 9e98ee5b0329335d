#include "kernels/avx512/lanes.h"
#include "kernels/vector_impl.h"
#include "kernels/vector_tables.h"

namespace nalar::kernels {

const VectorKernels& avx512_vector_kernels() noexcept {
  static constexpr VectorKernels kTable = VectorImpl<Avx512Lanes>::table();
  return kTable;
}

}  // namespace nalar::kernels
