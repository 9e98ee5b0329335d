#pragma once

#include <optional>
#include <string>
#include <string_view>

// The front matter of a model card (README.md): YAML between two lines "---".
namespace nalar::io {

// The value of a "key: value" line: plain, or a text in quotes of either kind. nullopt where there
// is none, or one of another form (a list, a block, a text with an escape that YAML has not).
std::optional<std::string> front_matter(std::string_view card, std::string_view key);

// A value in double quotes: every reader of YAML makes this text of it. Bytes that are no UTF-8
// become U+FFFD.
std::string quoted_yaml(std::string_view text);

}  // namespace nalar::io
