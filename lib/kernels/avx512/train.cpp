#include "kernels/avx512/lanes.h"
#include "kernels/train_impl.h"
#include "kernels/train_tables.h"

namespace nalar::kernels {

const TrainKernels& avx512_train_kernels() noexcept {
  static constexpr TrainKernels kTable = TrainImpl<Avx512Lanes>::table();
  return kTable;
}

}  // namespace nalar::kernels
