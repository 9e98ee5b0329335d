#pragma once

#include <nalar/tokenizer.h>

#include <string>

namespace nalar::eval {

// Whether an id means the same to both. Errors: bad_data "both models: the vocabularies differ …".
void require_same_vocabulary(const Tokenizer& a, const Tokenizer& b, const std::string& hint = {});

}  // namespace nalar::eval
