#include "config_file.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/files.h>
#include <nalar/toml.h>

#include <algorithm>

namespace nalar::apps {
namespace {

constexpr size_t kMaxBytes = size_t{16} << 20;

// A JSON text is a TOML value for all that options hold, but for floats that are no numbers.
std::string toml_value(const Json& value) {
  if (value.kind() == Json::Kind::number) {
    std::string text = fmt::format("{}", value.as_double());
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  }
  return to_text(value);
}

}  // namespace

void apply_config_file(const std::string& path, const std::vector<CommandOptions>& all) {
  const std::string text = read_input(path, kMaxBytes);
  try {
    const Json document = parse_toml(text);
    for (const auto& [key, table] : document.as_object()) {
      const auto at = std::find_if(all.begin(), all.end(), [&name = key](const CommandOptions& c) {
        return name == c.command->name();
      });
      if (at == all.end() || !table.is_object()) {
        throw Error(ErrorKind::config,
                    fmt::format("unknown key (key {}): need a table of a command, as "
                                "[run]",
                                printable(key)));
      }
      at->options->apply_config(table, path);
    }
  } catch (const Error& e) {
    throw e.in_file(path);
  }
}

std::string config_text(const Command& command, const OptionSet& options) {
  std::string out = fmt::format("[{}]\n", command.name());
  for (const auto& setting : options.settings()) {
    if (!setting->in_config) continue;
    const std::string& key = setting->names.front();
    const Json value = setting->get();
    if (value.is_null()) {
      out += fmt::format("# {} =\n", key);
    } else {
      out += fmt::format("{} = {}", key, toml_value(value));
      out += setting->origin.empty() ? "\n" : fmt::format("  # {}\n", printable(setting->origin));
    }
  }
  return out;
}

}  // namespace nalar::apps
