#include "kernels/avx2/lanes.h"
#include "kernels/vector_impl.h"
#include "kernels/vector_tables.h"

namespace nalar::kernels {

const VectorKernels& avx2_vector_kernels() noexcept {
  static constexpr VectorKernels kTable = VectorImpl<Avx2Lanes>::table();
  return kTable;
}

}  // namespace nalar::kernels
