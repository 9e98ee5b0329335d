#pragma once

#include <nalar/adapter.h>
#include <nalar/model.h>

#include <string>
#include <vector>

#include "convert/form_tensor.h"

namespace nalar::convert {

struct MergeOptions {
  bool allow_requantize = false;
  std::string head_name;  // what the target calls the head
};

struct Merged {
  bool unties_head = false;  // the head is a tensor of its own now
  int64_t requantized = 0;   // tensors
};

// Makes each tensor of the model read as W + Σ scale · B A, in fp32, or as what an adapter has in
// its place. A tied head and its embedding that no longer agree become two tensors. Errors: usage
// for adapters that replace one tensor twice, or replace a tensor and are scaled; policy for a
// quantized tensor that is to stay quantized without allow_requantize.
Merged merge_adapters(const Model& model, const std::vector<AdapterUse>& adapters,
                      const MergeOptions& options, std::vector<FormTensor>& tensors);

}  // namespace nalar::convert
