#pragma once

#include <cstdint>

namespace nalar {

// A row of the vocabulary.
using TokenId = int32_t;

}  // namespace nalar
