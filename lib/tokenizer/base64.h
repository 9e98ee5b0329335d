#pragma once

#include <string>
#include <string_view>

namespace nalar::tokenizer {

// Standard alphabet, padding optional. Errors: bad_data.
std::string decode_base64(std::string_view text);

}  // namespace nalar::tokenizer
