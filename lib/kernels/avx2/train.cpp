#include "kernels/avx2/lanes.h"
#include "kernels/train_impl.h"
#include "kernels/train_tables.h"

namespace nalar::kernels {

const TrainKernels& avx2_train_kernels() noexcept {
  static constexpr TrainKernels kTable = TrainImpl<Avx2Lanes>::table();
  return kTable;
}

}  // namespace nalar::kernels
