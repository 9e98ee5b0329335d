#pragma once

#include <memory>
#include <string>
#include <vector>

#include "command.h"

namespace nalar::apps {

// Columns for help and tables: COLUMNS, else the terminal's, else 80; between 40 and 110.
int text_width();

std::string program_help(const std::vector<std::unique_ptr<Command>>& commands);
std::string command_help(const Command& command, const OptionSet& options);
std::string version_text();

}  // namespace nalar::apps
