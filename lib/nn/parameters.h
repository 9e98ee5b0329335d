#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "train/trainable_model.h"

namespace nalar::nn {

// A trained tensor where it is computed with: fp32, or f64 in a model of that type. On the CPU in
// fp32 it is the Parameter's own memory.
struct Trained {
  at::Tensor value;
  at::Tensor gradient;
};

// The parameters of a model: fp32 in host memory, and what their device has of them. On the device
// "meta" they are names and shapes.
class Parameters {
 public:
  Parameters(at::Device device, at::ScalarType type) : device_(device), type_(type) {}
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;

  // `fill` writes the values. The result lives as long as this.
  const Trained* add(std::string name, std::vector<int64_t> shape,
                     const std::function<void(std::span<float>)>& fill);

  std::span<train::Parameter> list() { return list_; }
  const Trained& at(size_t i) const { return entries_[i].trained; }
  // Host values → the device.
  void upload();
  // Before and after a pass: gradients of the device become 0, then are added to those of the host.
  void begin_gradients();
  void collect_gradients();

 private:
  struct Entry {
    base::AlignedBuffer value, gradient;
    Trained trained;
  };
  bool in_place() const { return device_.is_cpu() && type_ == at::kFloat; }

  at::Device device_;
  at::ScalarType type_;
  std::deque<Entry> entries_;
  std::vector<train::Parameter> list_;
};

}  // namespace nalar::nn
