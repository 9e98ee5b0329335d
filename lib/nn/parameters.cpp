#include "nn/parameters.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

namespace nalar::nn {
namespace {

at::Tensor host_view(const base::AlignedBuffer& memory, const std::vector<int64_t>& shape) {
  return at::from_blob(memory.data(), shape, at::kFloat);
}

}  // namespace

const Trained* Parameters::add(std::string name, std::vector<int64_t> shape,
                               const std::function<void(std::span<float>)>& fill) {
  size_t n = 1;
  for (const int64_t d : shape) n *= static_cast<size_t>(d);
  Entry& entry = entries_.emplace_back();
  if (device_.is_meta()) {
    const auto options = at::TensorOptions().dtype(type_).device(device_);
    entry.trained = {at::empty(shape, options), at::empty(shape, options)};
    list_.push_back({std::move(name), std::move(shape), {}, {}});
    return &entry.trained;
  }
  entry.value = base::AlignedBuffer(n * sizeof(float));
  entry.gradient = base::AlignedBuffer(n * sizeof(float));
  const std::span<float> value(entry.value.as<float>(), n);
  fill(value);
  if (in_place()) {
    entry.trained = {host_view(entry.value, shape), host_view(entry.gradient, shape)};
  } else {
    const auto options = at::TensorOptions().dtype(type_).device(device_);
    entry.trained = {at::empty(shape, options), at::zeros(shape, options)};
    entry.trained.value.copy_(host_view(entry.value, shape));
  }
  list_.push_back({std::move(name), std::move(shape), value, {entry.gradient.as<float>(), n}});
  return &entry.trained;
}

void Parameters::upload() {
  if (in_place()) return;
  for (size_t i = 0; i < entries_.size(); ++i) {
    entries_[i].trained.value.copy_(host_view(entries_[i].value, list_[i].shape));
  }
}

void Parameters::begin_gradients() {
  if (in_place()) return;
  for (Entry& entry : entries_) entry.trained.gradient.zero_();
}

void Parameters::collect_gradients() {
  if (in_place()) return;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const at::Tensor sum = host_view(entries_[i].gradient, list_[i].shape);
    sum.add_(entries_[i].trained.gradient.to(at::kCPU, at::kFloat));
  }
}

}  // namespace nalar::nn
