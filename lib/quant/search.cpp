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

double squared_loss(const ErrorSums& sums, bool with_output) {
  const double error = with_output ? relative(sums.output_error, sums.output)
                                   : relative(sums.weight_error, sums.weight);
  return error * error;
}

std::vector<Candidate> measure(const SourceTensor& tensor, const SearchRequest& request,
                               base::ThreadPool& pool) {
  const std::vector<int64_t> rows = sample(tensor.rows());
  const Importance importance = request.importance(tensor);
  const double weight = request.weight(tensor);
  std::vector<Candidate> out;
  for (const DType type : candidate_types(tensor.columns())) {
    const ErrorSums sums = measure_rows({&tensor, type, importance}, rows, pool);
    out.push_back({type, bytes_of(tensor, type, request.alignment),
                   weight * squared_loss(sums, !importance.of_column.empty())});
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

void search_types(const SearchRequest& request, std::vector<MixChoice>& choices,
                  base::ThreadPool& pool) {
  const auto& tensors = request.source->tensors;
  std::vector<size_t> free;
  int64_t given = 0;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (choices[i].quantizable && !choices[i].fixed) {
      free.push_back(i);
    } else {
      given += bytes_of(tensors[i], choices[i].type, request.alignment);
    }
  }
  std::vector<std::vector<Candidate>> candidates;
  for (const size_t i : free) {
    request.on_tensor(static_cast<int64_t>(candidates.size()), static_cast<int64_t>(free.size()));
    candidates.push_back(measure(tensors[i], request, pool));
  }
  const auto chosen = allocate(candidates, request.budget - given);
  if (!chosen) {
    throw Error(ErrorKind::usage, fmt::format("the target cannot be met: the least is {}",
                                              request.describe(given + least_bytes(candidates))));
  }
  for (size_t k = 0; k < free.size(); ++k) {
    choices[free[k]].type = candidates[k][(*chosen)[k]].type;
    choices[free[k]].fell_back = false;
  }
}

}  // namespace nalar::quant
