#pragma once

#include <string_view>
#include <vector>

#include "io/name_table.h"
#include "io/tensor_file.h"

namespace nalar::io {

// The tensors of all files of a model, found by name in constant time.
class TensorIndex final : public TensorFile {
 public:
  const std::vector<TensorView>& tensors() const override { return tensors_; }
  const TensorView* find(std::string_view name) const override;

  // False, and nothing is added, when a tensor of that name is there already.
  bool add(TensorView tensor);
  void reserve(size_t n);

 private:
  std::vector<TensorView> tensors_;
  NameTable table_;
};

}  // namespace nalar::io
