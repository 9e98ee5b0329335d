#pragma once

#include <memory>
#include <vector>

#include "command.h"

namespace nalar::apps {

// Every command, in the order of the help; those that are not there yet at the end.
std::vector<std::unique_ptr<Command>> all_commands();

}  // namespace nalar::apps
