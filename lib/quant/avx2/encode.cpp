#include "kernels/avx2/lanes.h"
#include "quant/encode_kernels.h"
#include "quant/feedback_impl.h"
#include "quant/fit_impl.h"
#include "quant/fit_many_impl.h"

namespace nalar::quant {

const EncodeKernels& avx2_encode_kernels() noexcept {
  static constexpr EncodeKernels kTable = {.fit = Fit<kernels::Avx2Lanes>::block,
                                           .fit_many = FitMany<kernels::Avx2Lanes>::blocks,
                                           .feedback = Feedback<kernels::Avx2Lanes>::run};
  return kTable;
}

}  // namespace nalar::quant
