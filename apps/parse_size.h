#pragma once

#include <cstdint>
#include <string_view>

namespace nalar::apps {

// "4GiB", "500 MB", "1000000": bytes. Errors: usage.
int64_t parse_size(std::string_view name, std::string_view text);

}  // namespace nalar::apps
