#pragma once

#include <memory>
#include <string>
#include <vector>

#include "command.h"

namespace nalar::apps {

struct CommandOptions {
  Command* command;
  OptionSet* options;
};

// A TOML file with a table a command ("[run]"), a key an option by its long name. All tables are
// checked; they set what the command line left open. Errors: config, naming file and key.
void apply_config_file(const std::string& path, const std::vector<CommandOptions>& all);

// The settings of a command as such a file: what is set, and as comments what is not.
std::string config_text(const Command& command, const OptionSet& options);

}  // namespace nalar::apps
