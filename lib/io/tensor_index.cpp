#include "io/tensor_index.h"

#include <utility>

namespace nalar::io {

const TensorView* TensorIndex::find(std::string_view name) const {
  const auto place = table_.find(name, [this](size_t i) { return tensors_[i].name; });
  return place ? &tensors_[*place] : nullptr;
}

bool TensorIndex::add(TensorView tensor) {
  if (!table_.add(tensor.name, [this](size_t i) { return tensors_[i].name; })) return false;
  tensors_.push_back(std::move(tensor));
  return true;
}

void TensorIndex::reserve(size_t n) {
  tensors_.reserve(tensors_.size() + n);
  table_.reserve(tensors_.size() + n, [this](size_t i) { return tensors_[i].name; });
}

}  // namespace nalar::io
