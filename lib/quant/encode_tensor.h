#pragma once

#include <nalar/dtype.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "quant/encode.h"
#include "quant/error_sums.h"
#include "quant/hessian.h"
#include "quant/source.h"

namespace nalar::quant {

// ‖error‖ / ‖whole‖, 0 where there is nothing.
double relative(double error, double whole);
// The squared relative error of the output, or of the weights where the output's was not measured.
double squared_loss(const ErrorSums& sums);

struct EncodeRequest {
  const SourceTensor* tensor = nullptr;
  DType to = DType::f32;
  Importance importance = {};
  const Hessian* hessian = nullptr;  // with feedback then
};

bool all_finite(std::span<const float> values);
// Of a tensor of weights: that each is finite. Errors: bad_data that names tensor and place.
void refuse_not_finite(const SourceTensor& tensor, base::ThreadPool& pool);

// Some rows as they would be encoded, and what is lost of them.
ErrorSums measure_rows(const EncodeRequest& request, std::span<const int64_t> rows,
                       base::ThreadPool& pool);

// What the calling thread does while the others encode.
struct EncodeSink {
  std::function<void(std::span<const std::byte>)> write;  // the bytes, in order
  std::function<void(int64_t rows)> beside;               // so many rows are being encoded
};

// The whole tensor, in slabs of rows: memory does not grow with it. Errors: bad_data that names the
// tensor, for a weight that is not finite; those of `sink`.
ErrorSums encode_tensor(const EncodeRequest& request, base::ThreadPool& pool,
                        const EncodeSink& sink);

}  // namespace nalar::quant
