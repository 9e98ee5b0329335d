#include "kernels/avx2/lanes.h"
#include "quant/encode_table_impl.h"

namespace nalar::quant {

const EncodeKernels& avx2_encode_kernels() noexcept {
  static constexpr EncodeKernels kTable = encode_table<kernels::Avx2Lanes>();
  return kTable;
}

}  // namespace nalar::quant
