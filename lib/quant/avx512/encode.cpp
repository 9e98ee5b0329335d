#include "kernels/avx512/lanes.h"
#include "quant/encode_table_impl.h"

namespace nalar::quant {

const EncodeKernels& avx512_encode_kernels() noexcept {
  static constexpr EncodeKernels kTable = encode_table<kernels::Avx512Lanes>();
  return kTable;
}

}  // namespace nalar::quant
