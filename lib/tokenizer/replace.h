#pragma once

#include <string>
#include <string_view>

namespace nalar::tokenizer {

// Every `from` becomes `to`; nothing happens for an empty `from`.
void replace_all(std::string& text, std::string_view from, std::string_view to);

}  // namespace nalar::tokenizer
