#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nalar::io {

// The value of a plain "key: value" line in the front matter of a model card.
std::optional<std::string> front_matter(std::string_view card, std::string_view key);

}  // namespace nalar::io
