#pragma once

#include <nalar/dtype.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace nalar::quant {

// A type that a tensor could get: what it takes and what it loses.
struct Candidate {
  DType type = DType::f32;
  int64_t bytes = 0;
  double loss = 0;
};

// The candidate of each tensor (an index) such that the losses add up to the least for no more than
// `budget` bytes: a knapsack of multiple choices, by dynamic programming over what the candidates
// take more than the smallest ones, in units of a byte or of 2^-15 of what there is to spend (then
// near the least). nullopt when the smallest ones are over the budget. REQUIRES finite losses, and
// one to 255 candidates for each.
std::optional<std::vector<size_t>> allocate(const std::vector<std::vector<Candidate>>& tensors,
                                            int64_t budget);
// What the smallest candidates take together.
int64_t least_bytes(const std::vector<std::vector<Candidate>>& tensors);

}  // namespace nalar::quant
