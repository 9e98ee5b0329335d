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

// The candidate of each tensor (an index) such that the losses add up to little and the bytes to no
// more than `budget`: from the smallest ones, step by step along each tensor's lower convex hull,
// where a byte saves the most loss (the Lagrangian optimum for every budget at which a step ends).
// nullopt when the smallest ones are over it. REQUIRES at least one candidate for each.
std::optional<std::vector<size_t>> allocate(const std::vector<std::vector<Candidate>>& tensors,
                                            int64_t budget);
// What the smallest candidates take together.
int64_t least_bytes(const std::vector<std::vector<Candidate>>& tensors);

}  // namespace nalar::quant
