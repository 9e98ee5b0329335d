#pragma once

#include <nalar/json.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "parse_value.h"

namespace nalar::apps {

// Setting.origin of what the command line gave.
inline constexpr const char* kCommandLine = "command line";

enum class SettingKind { flag, number, text, texts };

// One option of a command: how the command line and a configuration file set it, and what it is set
// to.
struct Setting {
  std::vector<std::string> names;  // long names without dashes, the first is the one in messages
  std::string spelled;             // "-n, --max-tokens N", for the help
  std::string help;
  std::string group;
  SettingKind kind = SettingKind::text;
  bool in_config = true;  // may stand in a configuration file
  // Errors: usage, naming the option and its range.
  std::function<void(const std::vector<std::string>&)> set;
  // The value in force; null when it is not set.
  std::function<Json()> get;
  std::string origin;  // kCommandLine, the configuration file's name, or "" for a default
};

struct OptionText {
  const char* names;  // as CLI11 takes them: "-n,--max-tokens"
  const char* value;  // what stands for the value in the help; "" for a flag
  const char* help;
};

// The options of one command, declared once for the command line, --config, --print-config and
// --help.
class OptionSet {
 public:
  explicit OptionSet(CLI::App& app) : app_(app) {}
  OptionSet(const OptionSet&) = delete;
  OptionSet& operator=(const OptionSet&) = delete;

  // Title in the help of the options that follow.
  void group(std::string title) { group_ = std::move(title); }

  void positional(const char* name, std::optional<std::string>& target, const char* help);
  // All that are left.
  void positionals(const char* name, std::vector<std::string>& target, const char* help);
  void flag(const OptionText& option, bool& target);
  void text(const OptionText& option, std::optional<std::string>& target);
  // Repeatable, one value each time.
  void texts(const OptionText& option, std::vector<std::string>& target);
  // One of a few words.
  void choice(const OptionText& option, std::string& target, std::vector<std::string> words);

  template <typename T>
  requires std::is_arithmetic_v<T>
  void number(const OptionText& option, T& target, Range<T> range) {
    add_number<T>(option, target, range).get = [&target] { return number_json(target); };
  }
  template <typename T>
  void number(const OptionText& option, std::optional<T>& target, Range<T> range) {
    add_number<T>(option, target, range).get = [&target] {
      return target ? number_json(*target) : Json();
    };
  }
  // The value may be left out, and is `without` then. Not for configuration files.
  void optional_number(const OptionText& option, std::optional<int>& target, Range<int> range,
                       int without);

  // Options of the contract that have no code yet: each use is an error that says so.
  void not_yet(const std::vector<std::string>& names);
  // The option that was added last concerns this call alone and has no place in a configuration
  // file.
  void command_line_only() { settings_.back()->in_config = false; }

  // Takes over what the command line gave. REQUIRES a parsed app.
  void apply_command_line();
  // A table of a configuration file; what the command line has set stays. Errors: config.
  void apply_config(const Json& table, const std::string& file);

  const std::vector<std::unique_ptr<Setting>>& settings() const { return settings_; }
  const std::vector<std::pair<std::string, std::string>>& positionals() const {
    return positionals_;
  }
  // Setting.origin by name. REQUIRES that the name exists.
  const std::string& origin(std::string_view name) const;

 private:
  static Json number_json(float value);
  static Json number_json(double value) { return value; }
  static Json number_json(int value) { return value; }
  static Json number_json(int64_t value) { return value; }
  static Json number_json(uint64_t value) { return value; }
  Setting& add(const OptionText& option, SettingKind kind);
  template <typename T, typename Target>
  Setting& add_number(const OptionText& option, Target& target, Range<T> range) {
    Setting& setting = add(option, SettingKind::number);
    const std::string name = "--" + setting.names.front();
    setting.set = [&target, range, name](const std::vector<std::string>& values) {
      target = parse_number(name, values.back(), range);
    };
    return setting;
  }
  Setting* find(std::string_view name) const;

  CLI::App& app_;
  std::string group_;
  std::vector<std::unique_ptr<Setting>> settings_;
  std::vector<CLI::Option*> options_;  // beside settings_
  std::vector<std::pair<std::string, std::string>> positionals_;
};

}  // namespace nalar::apps
