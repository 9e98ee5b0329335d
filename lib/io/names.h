#pragma once

#include <algorithm>
#include <string_view>

#include "base/utf8.h"

namespace nalar::io {

// Not empty, UTF-8, without control characters: what a key or the name of a tensor may be.
inline bool is_printable_name(std::string_view name) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  return !name.empty() && std::none_of(name.begin(), name.end(), control) &&
         base::is_valid_utf8(name);
}

// The name of a file in a folder, no path: what an index may name.
inline bool is_file_name(std::string_view name) {
  return is_printable_name(name) && name != "." && name != ".." &&
         name.find_first_of("/\\:") == std::string_view::npos;
}

}  // namespace nalar::io
