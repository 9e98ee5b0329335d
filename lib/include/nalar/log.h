#pragma once

#include <functional>
#include <string_view>

#include <nalar/export.h>

namespace nalar {

// A notice is one line about something that was done otherwise than a user might expect.
using NoticeSink = std::function<void(std::string_view)>;
// Where notices go; the default drops them. Not thread-safe: set it before work starts. The sink may
// throw (nalar --strict turns a notice into an error).
NALAR_API void set_notice_sink(NoticeSink sink);
NALAR_API void notice(std::string_view text);

}  // namespace nalar
