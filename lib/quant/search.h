#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "quant/encode.h"
#include "quant/mix.h"
#include "quant/source.h"

namespace nalar::quant {

// The best types for so many bytes.
struct SearchRequest {
  const Source* source = nullptr;
  int64_t budget = 0;     // bytes of all tensors together
  int64_t alignment = 1;  // a tensor takes a multiple of it
  // What a squared relative error of a tensor's output costs.
  std::function<double(const SourceTensor&)> cost;
  std::function<Importance(const SourceTensor&)> importance;
  std::function<std::string(int64_t bytes)> describe;  // so many bytes of tensors, for a message
  std::function<void(int64_t done, int64_t total)> on_tensor;  // may throw to stop it
};

// Between Q2_K and Q8_0, or what fits rows of this length.
std::vector<DType> candidate_types(int64_t columns);

// Not one whose type is given.
bool is_searched(const MixChoice& choice);

// Gives types to the matrices that are not fixed. What is weighed against bytes is the squared
// relative error of each matrix's output (of its weights, where no statistics are), measured on
// some of its rows, times what such an error costs. Errors: usage that says the least that is
// possible; bad_data for a weight that is not finite.
void search_types(const SearchRequest& request, std::vector<MixChoice>& choices,
                  base::ThreadPool& pool);

}  // namespace nalar::quant
