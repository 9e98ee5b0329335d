#pragma once

#include <span>
#include <string>

#include "quant/hessian.h"

namespace nalar::quant {

// What is known of the inputs of a model's matrices. Matrices are called as the Model calls them.
class Statistics {
 public:
  virtual ~Statistics() = default;
  // E[x_c²] of each column; empty where nothing is known. May take long, as the next.
  virtual std::span<const float> importance(const std::string& matrix) = 0;
  // Factored, for the feedback; nullptr where there is none. Valid until the next call of it.
  // Matrices are best asked for in the order of the layers, for this first and then for the
  // importance.
  virtual const Hessian* hessian(const std::string& matrix) = 0;
};

}  // namespace nalar::quant
