#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "eval/request.h"

namespace nalar::eval {

// What a request's continuation is computed from.
inline std::span<const TokenId> input(const Request& request) {
  return std::span(request.tokens).first(request.input_size());
}

size_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b);
// How many input tokens the requests of one item share.
size_t common_stem(std::span<const Request> requests);

// Neighbouring items whose requests all begin with the same `head` tokens; 0 for an item alone.
struct Run {
  size_t begin = 0, end = 0, head = 0;
};
// Splits the items, each with its requests, into runs so that about the fewest tokens are computed
// when each head is computed once. No head reaches a position that is scored.
std::vector<Run> shared_heads(std::span<const std::vector<Request>> items);

}  // namespace nalar::eval
