#include "kernels/scalar/lanes.h"
#include "kernels/train_impl.h"
#include "kernels/train_tables.h"

namespace nalar::kernels {

const TrainKernels& scalar_train_kernels() noexcept {
  static constexpr TrainKernels kTable = TrainImpl<ScalarLanes>::table();
  return kTable;
}

}  // namespace nalar::kernels
