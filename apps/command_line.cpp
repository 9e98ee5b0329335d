#include "command_line.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/log.h>

#include <algorithm>

#include "commands.h"
#include "config_file.h"
#include "help.h"

namespace nalar::apps {
namespace {

void declare_common(OptionSet& options, CommonFlags& common) {
  options.group("General");
  options.text({"--config", "FILE",
                "settings from a TOML file with a table a command ([run]); the command "
                "line wins"},
               common.config);
  options.command_line_only();
  options.flag({"--print-config", "", "write the settings in force as such a file, and end"},
               common.print_config);
  options.command_line_only();
  options.flag({"--strict", "", "a notice is an error (65)"}, common.strict);
  options.flag({"--json", "", "the result as JSON, one object a line"}, common.json);
  options.flag({"-q,--quiet", "", "no notices and no progress"}, common.quiet);
  options.flag({"-v,--verbose", "", "tell more: model, settings and where they came from, timings"},
               common.verbose);
}

// CLI11 takes "--name=" as a name without a value.
std::vector<std::string> with_empty_values(const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  bool options_ended = false;
  for (const std::string& a : arguments) {
    options_ended = options_ended || a == "--";
    const bool empty_value =
        !options_ended && a.size() > 3 && a.starts_with("--") && a.find('=') == a.size() - 1;
    out.push_back(empty_value ? a.substr(0, a.size() - 1) : a);
    if (empty_value) out.emplace_back();
  }
  return out;
}

// CLI11's complaint as our line.
Error usage_error(const CLI::ParseError& error, const CLI::App& app) {
  const std::string hint = fmt::format("nalar {} --help", app.get_name());
  const std::vector<std::string> unexpected = app.remaining();
  if (!unexpected.empty()) {
    const std::string& first = unexpected.front();
    if (first.starts_with("-")) {
      return {ErrorKind::usage, fmt::format("unknown option {}", printable(first)), hint};
    }
    return {ErrorKind::usage, fmt::format("unexpected argument \"{}\"", printable(first)),
            "a text of several words in quotes"};
  }
  return {ErrorKind::usage, printable(error.what()), hint};
}

struct Parsed {
  Command* command = nullptr;
  OptionSet* options = nullptr;
};

class CommandLine {
 public:
  explicit CommandLine(std::vector<std::unique_ptr<Command>> commands)
      : commands_(std::move(commands)) {
    for (const auto& command : commands_) {
      apps_.push_back(std::make_unique<CLI::App>(command->about(), command->name()));
      CLI::App& app = *apps_.back();
      app.set_version_flag("--version", "");
      sets_.push_back(std::make_unique<OptionSet>(app));
      command->declare(*sets_.back());
      declare_common(*sets_.back(), command->common);
    }
  }

  const std::vector<std::unique_ptr<Command>>& commands() const { return commands_; }

  // nullptr: help or version was asked for and written.
  Parsed parse(const std::string& name, std::vector<std::string> arguments, Streams& streams) {
    const size_t i = index_of(name);
    CLI::App& app = *apps_[i];
    arguments = with_empty_values(arguments);
    std::reverse(arguments.begin(), arguments.end());
    try {
      app.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
      streams.out.write(command_help(*commands_[i], *sets_[i]));
      return {};
    } catch (const CLI::CallForVersion&) {
      streams.out.write(version_text());
      return {};
    } catch (const CLI::ParseError& e) {
      throw usage_error(e, app);
    }
    sets_[i]->apply_command_line();
    if (commands_[i]->common.config) apply_config_file(*commands_[i]->common.config, all());
    return {commands_[i].get(), sets_[i].get()};
  }

 private:
  size_t index_of(const std::string& name) const {
    for (size_t i = 0; i < commands_.size(); ++i) {
      if (name == commands_[i]->name()) return i;
    }
    throw Error(ErrorKind::usage, fmt::format("unknown command \"{}\"", printable(name)),
                "nalar --help");
  }

  std::vector<CommandOptions> all() const {
    std::vector<CommandOptions> out;
    for (size_t i = 0; i < commands_.size(); ++i)
      out.push_back({commands_[i].get(), sets_[i].get()});
    return out;
  }

  std::vector<std::unique_ptr<Command>> commands_;
  std::vector<std::unique_ptr<CLI::App>> apps_;
  std::vector<std::unique_ptr<OptionSet>> sets_;
};

void set_notices(const CommonFlags& common, const Messages& log) {
  set_notice_sink([&log, strict = common.strict](std::string_view text) {
    if (strict) {
      throw Error(ErrorKind::bad_data, std::string(text), "without --strict this is a notice");
    }
    log.note("notice: " + std::string(text));
  });
}

}  // namespace

void run_command_line(std::vector<std::string> arguments, const std::string& lock_problem) {
  Streams streams;
  CommandLine line(all_commands());
  if (arguments.empty()) throw Error(ErrorKind::usage, "no command given", "nalar --help");
  const std::string first = arguments.front();
  if (first == "--version" || first == "--help" || first == "-h" || first == "help") {
    streams.out.write(first == "--version" ? version_text() : program_help(line.commands()));
    streams.out.close();
    return;
  }
  arguments.erase(arguments.begin());
  const auto [command, options] = line.parse(first, std::move(arguments), streams);
  if (command != nullptr) {
    streams.log.quiet = command->common.quiet;
    streams.log.verbose = command->common.verbose;
    set_notices(command->common, streams.log);
    if (!lock_problem.empty()) {
      notice(fmt::format("the network is not locked: the kernel refused ({})", lock_problem));
    }
    if (command->common.print_config) {
      streams.out.write(config_text(*command, *options));
    } else {
      command->run(*options, streams);
    }
  }
  set_notice_sink({});
  streams.out.close();
}

}  // namespace nalar::apps
