#pragma once

#include <nalar/token.h>

#include <cstdint>
#include <vector>

namespace nalar::data {

// A row of a data set as the model reads it.
struct Example {
  std::vector<TokenId> ids;
  std::vector<uint8_t> learned;  // of each token: whether predicting it is learned. [0] never is
  int32_t file = 0;              // of the data set's paths
  int64_t line = 0;              // where the row begins, from 1 (JSON arrays: the element, from 1)
  bool truncated = false;

  int64_t n_learned() const {
    int64_t n = 0;
    for (const uint8_t l : learned) n += l;
    return n;
  }
};

}  // namespace nalar::data
