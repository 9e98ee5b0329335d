#include "kernels/avx512/lanes.h"
#include "quant/encode_kernels.h"
#include "quant/feedback_impl.h"
#include "quant/fit_impl.h"
#include "quant/fit_many_impl.h"

namespace nalar::quant {

const EncodeKernels& avx512_encode_kernels() noexcept {
  static constexpr EncodeKernels kTable = {.fit = Fit<kernels::Avx512Lanes>::block,
                                           .fit_many = FitMany<kernels::Avx512Lanes>::blocks,
                                           .feedback = Feedback<kernels::Avx512Lanes>::run};
  return kTable;
}

}  // namespace nalar::quant
