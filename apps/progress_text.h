#pragma once

#include <cstdint>
#include <string>

namespace nalar::apps {

// "5 s", "1 min 05 s", "3 h 07 min"
std::string time_text(double seconds);
// "[==>      ]": `cells` between the brackets.
std::string progress_bar(int64_t done, int64_t total, int cells);

}  // namespace nalar::apps
