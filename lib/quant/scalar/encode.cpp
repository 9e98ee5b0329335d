#include "kernels/scalar/lanes.h"
#include "quant/encode_kernels.h"
#include "quant/feedback_impl.h"
#include "quant/fit_impl.h"
#include "quant/fit_many_impl.h"

namespace nalar::quant {

const EncodeKernels& scalar_encode_kernels() noexcept {
  static constexpr EncodeKernels kTable = {.fit = Fit<kernels::ScalarLanes>::block,
                                           .fit_many = FitMany<kernels::ScalarLanes>::blocks,
                                           .feedback = Feedback<kernels::ScalarLanes>::run};
  return kTable;
}

}  // namespace nalar::quant
