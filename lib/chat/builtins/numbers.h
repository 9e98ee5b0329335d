#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace nalar::chat {

// int(text, base) and float(text) of Python; nullopt where they raise ValueError. An integer beyond
// 64 bits is a Failure.
std::optional<int64_t> parse_python_int(std::string_view text, int64_t base);
std::optional<double> parse_python_float(std::string_view text);

}  // namespace nalar::chat
