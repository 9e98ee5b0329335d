#include "quant/search.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <array>
#include <limits>

#include "quant/encode.h"
#include "quant/encode_tensor.h"
#include "quant/target.h"

namespace nalar::quant {
namespace {

constexpr int64_t kSampleRows = 64;

int64_t bytes_of(const SourceTensor& tensor, DType type, int64_t alignment) {
  const BlockSize block = block_size(type);
  const int64_t bytes = tensor.elements() / block.elements * block.bytes;
  return (bytes + alignment - 1) / alignment * alignment;
}

int64_t smallest(const SourceTensor& tensor, int64_t alignment) {
  int64_t least = std::numeric_limits<int64_t>::max();
  for (const DType type : candidate_types(tensor.columns())) {
    least = std::min(least, bytes_of(tensor, type, alignment));
  }
  return least;
}

std::vector<int64_t> sample(int64_t rows) {
  const int64_t n = std::min(rows, kSampleRows);
  std::vector<int64_t> out(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) out[static_cast<size_t>(i)] = (2 * i + 1) * rows / (2 * n);
  return out;
}

std::vector<Candidate> measure(const SourceTensor& tensor, const SearchRequest& request,
                               base::ThreadPool& pool) {
  const std::vector<int64_t> rows = sample(tensor.rows());
  const Importance importance = request.importance(tensor);
  const double cost = request.cost(tensor);
  std::vector<Candidate> out;
  for (const DType type : candidate_types(tensor.columns())) {
    const ErrorSums sums = measure_rows({&tensor, type, importance}, rows, pool);
    out.push_back({type, bytes_of(tensor, type, request.alignment),
                   cost * squared_loss(sums)});
  }
  tensor.release();
  return out;
}

}  // namespace


std::vector<DType> candidate_types(int64_t columns) {
  constexpr std::array kAll = {DType::q2_k,   DType::q3_k, DType::iq4_xs, DType::q4_0,
                               DType::iq4_nl, DType::q4_k, DType::q4_1,   DType::q5_0,
                               DType::q5_k,   DType::q5_1, DType::q6_k,   DType::q8_0};
  std::vector<DType> out;
  for (const DType type : kAll) {
    if (fits(type, columns)) out.push_back(type);
  }
  if (out.empty()) out.push_back(DType::f16);
  return out;
}

bool is_searched(const MixChoice& choice) { return choice.quantizable && !choice.fixed; }

void search_types(const SearchRequest& request, std::vector<MixChoice>& choices,
                  base::ThreadPool& pool) {
  const auto& tensors = request.source->tensors;
  std::vector<size_t> free;
  int64_t given = 0, least = 0;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (is_searched(choices[i])) {
      free.push_back(i);
      least += smallest(tensors[i], request.alignment);
    } else {
      given += bytes_of(tensors[i], choices[i].type, request.alignment);
    }
  }
  if (given + least > request.budget) {
    throw Error(ErrorKind::usage, fmt::format("the target cannot be met: the least is {}",
                                              request.describe(given + least)));
  }
  std::vector<std::vector<Candidate>> candidates;
  for (const size_t i : free) {
    request.on_tensor(static_cast<int64_t>(candidates.size()), static_cast<int64_t>(free.size()));
    candidates.push_back(measure(tensors[i], request, pool));
  }
  const auto chosen = allocate(candidates, request.budget - given);
  for (size_t k = 0; k < free.size(); ++k) {
    choices[free[k]].type = candidates[k][(*chosen)[k]].type;
    choices[free[k]].fell_back = false;
  }
}

}  // namespace nalar::quant
