#include "kernels/scalar/lanes.h"
#include "quant/encode_table_impl.h"

namespace nalar::quant {

const EncodeKernels& scalar_encode_kernels() noexcept {
  static constexpr EncodeKernels kTable = encode_table<kernels::ScalarLanes>();
  return kTable;
}

}  // namespace nalar::quant
