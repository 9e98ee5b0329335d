#pragma once

#include <nalar/tokenizer.h>

#include <string_view>

namespace nalar::eval {

// Whether an id means the same to both. Errors: bad_data "OPTION: the vocabularies differ …".
void require_same_vocabulary(const Tokenizer& a, const Tokenizer& b, std::string_view option);

}  // namespace nalar::eval
