#pragma once

#include <nalar/dtype.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "quant/hessian.h"
#include "quant/source.h"

namespace nalar::quant {

// Squared norms over rows W of a matrix and over their errors W - Ŵ; those of the output W x are
// expectations: of some of the rows, by x's second moments, where a Hessian is there; else as if
// the columns of x were uncorrelated; 0 where nothing is known of x.
struct ErrorSums {
  double weight = 0, weight_error = 0;
  double output = 0, output_error = 0;

  ErrorSums& operator+=(const ErrorSums& other);
};

// ‖error‖ / ‖whole‖, 0 where there is nothing.
double relative(double error, double whole);

struct EncodeRequest {
  const SourceTensor* tensor = nullptr;
  DType to = DType::f32;
  std::span<const float> importance;  // [columns] or empty
  const Hessian* hessian = nullptr;   // with feedback then
};

// Errors: bad_data that names tensor and place, for a value of a row that is not finite.
void refuse_not_finite(const SourceTensor& tensor, int64_t row, std::span<const float> values);

// The same of a whole tensor, where it is one of weights.
void refuse_not_finite(const SourceTensor& tensor);

// Some rows as they would be encoded, and what is lost of them.
ErrorSums measure_rows(const EncodeRequest& request, std::span<const int64_t> rows,
                       base::ThreadPool& pool);

// The whole tensor, in slabs of rows: memory does not grow with it. `sink` takes the bytes in
// order. Errors: bad_data that names the tensor, for a weight that is not finite; those of `sink`.
ErrorSums encode_tensor(const EncodeRequest& request, base::ThreadPool& pool,
                        const std::function<void(std::span<const std::byte>)>& sink);

}  // namespace nalar::quant
