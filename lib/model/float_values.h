#pragma once

#include <nalar/tensor.h>

#include <vector>

namespace nalar::model {

// A tensor of F32, F16 or BF16 as fp32, exactly. Errors: bad_data that names the tensor, for
// another type and for a value that is not finite.
std::vector<float> float_values(const TensorView& tensor);

}  // namespace nalar::model
