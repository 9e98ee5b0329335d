#pragma once

#include "quant/feedback_impl.h"
#include "quant/row_impl.h"
#include "quant/sums_impl.h"

namespace nalar::quant {

template <class V>
constexpr EncodeKernels encode_table() {
  return {.encode = Row<V>::encode,
          .fit = Fit<V>::block,
          .feedback = Feedback<V>::run,
          .decode = kernels::Expand<V>::row,
          .finite = Sums<V>::finite,
          .errors = Sums<V>::errors};
}

}  // namespace nalar::quant
