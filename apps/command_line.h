#pragma once

#include <memory>
#include <string>
#include <vector>

#include "command.h"

namespace nalar::apps {

// Every command, those that are not there yet included.
std::vector<std::unique_ptr<Command>> all_commands();

// Runs what the arguments (without the program's name) ask for. `lock_problem`: why the network could not be taken
// away, or empty. Throws Error.
void run_command_line(std::vector<std::string> arguments, const std::string& lock_problem);

}  // namespace nalar::apps
