#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace nalar::test {

// n logits, roughly normal with the given spread. Some are equal to others (they are rounded to
// steps of 1/16 when `ties`), some are -inf when `forbidden`.
struct RandomLogits {
  size_t n = 1000;
  double spread = 3;
  bool ties = false;
  bool forbidden = false;

  std::vector<float> make(uint64_t seed) const {
    std::vector<float> logits(n);
    for (size_t i = 0; i < n; ++i) {
      double sum = 0;
      for (uint64_t k = 0; k < 4; ++k) sum += base::uniform(seed, k, i) - 0.5;
      const double x = sum * spread * std::sqrt(3.0);
      logits[i] = static_cast<float>(ties ? std::round(x * 16) / 16 : x);
      if (forbidden && base::uniform(seed, 9, i) < 0.3)
        logits[i] = -std::numeric_limits<float>::infinity();
    }
    return logits;
  }
};

}  // namespace nalar::test
