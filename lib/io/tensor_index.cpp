#include "io/tensor_index.h"

#include <utility>

namespace nalar::io {

const TensorView* TensorIndex::find(std::string_view name) const {
  const auto place = places_.find(name);
  return place == places_.end() ? nullptr : &tensors_[place->second];
}

bool TensorIndex::add(TensorView tensor) {
  if (!places_.emplace(tensor.name, tensors_.size()).second) return false;
  tensors_.push_back(std::move(tensor));
  return true;
}

void TensorIndex::reserve(size_t n) {
  tensors_.reserve(tensors_.size() + n);
  places_.reserve(places_.size() + n);
}

}  // namespace nalar::io
