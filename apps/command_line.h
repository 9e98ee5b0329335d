#pragma once

#include <string>
#include <vector>

namespace nalar::apps {

// Runs what the arguments (without the program's name) ask for. `lock_problem`: why the network
// could not be taken away, or empty. Throws Error.
void run_command_line(std::vector<std::string> arguments, const std::string& lock_problem);

}  // namespace nalar::apps
