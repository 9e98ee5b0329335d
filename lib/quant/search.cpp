#include "quant/search.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <array>

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

std::vector<int64_t> sample(int64_t rows) {
  const int64_t n = std::min(rows, kSampleRows);
  std::vector<int64_t> out(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) out[static_cast<size_t>(i)] = (2 * i + 1) * rows / (2 * n);
  return out;
}

std::vector<Candidate> candidates_of(const SourceTensor& tensor, int64_t alignment) {
  std::vector<Candidate> out;
  for (const DType type : candidate_types(tensor.columns())) {
    out.push_back({type, bytes_of(tensor, type, alignment)});
  }
  return out;
}

void measure(const SourceTensor& tensor, const SearchRequest& request,
             std::vector<Candidate>& candidates, base::ThreadPool& pool) {
  const std::vector<int64_t> rows = sample(tensor.rows());
  const Importance importance = request.importance(tensor);
  const double cost = request.cost(tensor);
  for (Candidate& candidate : candidates) {
    const ErrorSums sums = measure_rows({&tensor, candidate.type, importance}, rows, pool);
    candidate.loss = cost * squared_loss(sums);
  }
  tensor.release();
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
  int64_t given = 0;
  std::vector<std::vector<Candidate>> candidates;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (is_searched(choices[i])) {
      free.push_back(i);
      candidates.push_back(candidates_of(tensors[i], request.alignment));
    } else {
      given += bytes_of(tensors[i], choices[i].type, request.alignment);
    }
  }
  const int64_t least = given + least_bytes(candidates);
  if (least > request.budget) {
    throw Error(ErrorKind::usage,
                fmt::format("the target cannot be met: the least is {}", request.describe(least)));
  }
  for (size_t k = 0; k < free.size(); ++k) {
    request.on_tensor(static_cast<int64_t>(k), static_cast<int64_t>(free.size()));
    measure(tensors[free[k]], request, candidates[k], pool);
  }
  const auto chosen = allocate(candidates, request.budget - given);
  for (size_t k = 0; k < free.size(); ++k) {
    choices[free[k]].type = candidates[k][(*chosen)[k]].type;
    choices[free[k]].fell_back = false;
  }
}

}  // namespace nalar::quant
