#pragma once

#include <string>
#include <vector>

namespace nalar::apps {

// Seconds from the start of a process "nalar run" with these further arguments until its first
// token is written, once for each repetition. Errors: os, or what the process said is wrong.
std::vector<double> first_token_seconds(const std::vector<std::string>& arguments, int repetitions);

}  // namespace nalar::apps
