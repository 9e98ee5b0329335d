#pragma once

#include <nalar/tokenizer.h>

#include <string_view>

namespace nalar::convert {

// Tries two tokenizers on texts of many kinds, since one form can say more than another. Throws
// Error(bad_data) where the ids of one differ: the tokenizer cannot be said in `form`.
void need_same_ids(const Tokenizer& source, const Tokenizer& result, std::string_view form);

}  // namespace nalar::convert
