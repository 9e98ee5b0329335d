#pragma once

namespace nalar::quant {

// Squared norms over rows W of a matrix and over their errors W - Ŵ; those of the output W x are
// expectations: of some of the rows, by x's second moments, where a Hessian is there; else as if
// the columns of x were uncorrelated; 0 where nothing is known of x.
struct ErrorSums {
  double weight = 0, weight_error = 0;
  double output = 0, output_error = 0;

  ErrorSums& operator+=(const ErrorSums& other);
};

}  // namespace nalar::quant
