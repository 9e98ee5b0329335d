#pragma once

#include <nalar/export.h>
#include <nalar/json.h>

#include <string_view>

namespace nalar {

// A TOML document as an object: tables become objects, sorted by key; numbers keep their kind.
// Dates and times are refused. Errors: config, "… (at line L, column C)".
NALAR_API Json parse_toml(std::string_view text);

}  // namespace nalar
