#pragma once

#include <nalar/tensor.h>

#include <string_view>
#include <vector>

namespace nalar::io {

// Named tensors of one model, whatever the format and the number of files. Views borrow from it.
class TensorFile {
 public:
  virtual ~TensorFile() = default;
  // In the order of the files.
  virtual const std::vector<TensorView>& tensors() const = 0;
  // nullptr when there is none of that name.
  virtual const TensorView* find(std::string_view name) const = 0;
};

}  // namespace nalar::io
