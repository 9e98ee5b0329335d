#pragma once

#include <nalar/eval.h>

#include <vector>

namespace nalar::eval {

// The ids that end an answer of a subject.
std::vector<TokenId> answer_ends(const Subject& subject);

}  // namespace nalar::eval
