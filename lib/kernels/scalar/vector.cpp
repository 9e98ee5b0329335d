#include "kernels/scalar/lanes.h"
#include "kernels/vector_impl.h"
#include "kernels/vector_tables.h"

namespace nalar::kernels {

const VectorKernels& scalar_vector_kernels() noexcept {
  static constexpr VectorKernels kTable = VectorImpl<ScalarLanes>::table();
  return kTable;
}

}  // namespace nalar::kernels
