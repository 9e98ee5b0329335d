#include <nalar/dtype.h>

#include "kernels/avx2/linear_set.h"
#include "kernels/avx2/pack.h"
#include "kernels/linear_tables.h"
#include "kernels/packed.h"
#include "kernels/simd/activations.h"

namespace nalar::kernels {
namespace {

void linear(const LinearCall& call) {
  switch (call.type) {
    case DType::f32:
      return linear_plain<Avx2, Fp32Weights<Avx2::All>>(call);
    case DType::f16:
      return linear_plain<Avx2, F16Weights<Avx2::All>>(call);
    case DType::bf16:
      return linear_plain<Avx2, Bf16Weights<Avx2::All>>(call);
    default:
      break;
  }
  block_size(call.type).elements == 32 ? avx2_linear_32(call.type, call)
                                       : avx2_linear_256(call.type, call);
}

void dequantize_row(DType type, const std::byte* weight, int64_t /*rows*/, int64_t columns,
                    int64_t r, float* out) {
  dequantize_packed_row(type, weight, columns, r, out);
}

size_t scratch_bytes(int64_t /*columns*/) { return scratch_size<Avx2>(); }

}  // namespace

const LinearKernels& avx2_linear_kernels() noexcept {
  static constexpr LinearKernels kTable = {Avx2::kTile,
                                           activation_bytes<Avx2::kTile>,
                                           load_activations<Avx2::kTile>,
                                           packed_bytes,
                                           avx2_pack,
                                           dequantize_row,
                                           scratch_bytes,
                                           linear};
  return kTable;
}

}  // namespace nalar::kernels
