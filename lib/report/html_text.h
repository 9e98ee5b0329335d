#pragma once

#include <string>
#include <string_view>

namespace nalar::report {

// Untrusted text as the content of an element or a quoted attribute: markup is escaped, control
// characters and bytes that are no UTF-8 are shown (as a terminal would have them shown).
std::string html_text(std::string_view text);

}  // namespace nalar::report
