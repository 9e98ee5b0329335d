#include "help.h"

#include <fmt/format.h>
#include <nalar/engine.h>
#include <nalar/sandbox.h>
#include <nalar/version.h>
#include <unistd.h>

#include <algorithm>

#include "terminal.h"

namespace nalar::apps {
namespace {

constexpr int kIndent = 30;

constexpr const char* kExitCodes = R"(Exit codes
  0    done
  64   the command line is wrong
  65   the content of a file or of the input is bad
  66   a file is not there, or of another kind
  70   a mistake in nalar
  71   the system refused: memory, threads
  73   a file cannot be made
  74   reading or writing failed: full disk, closed output
  75   stopped, what was done is saved: run it again
  77   refused by policy: pickle files, a bad signature
  78   the configuration file is wrong
  128+N  ended by signal N
)";

// Characters, not bytes: the texts hold "≥" and the like.
size_t characters(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Words of `text` in lines from `indent` to `width`; the first line goes on where the cursor is.
std::string wrapped(std::string_view text, size_t indent, size_t width) {
  std::string out;
  size_t column = indent;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    const size_t length = characters(word);
    if (column > indent && column + 1 + length > width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += length;
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return out + "\n";
}

std::string entry(std::string_view left, std::string_view right, size_t indent, size_t width) {
  std::string out = fmt::format("  {}", left);
  const size_t used = characters(out);
  out += used + 2 > indent ? "\n" + std::string(indent, ' ') : std::string(indent - used, ' ');
  return out + wrapped(right, indent, width);
}

}  // namespace

int text_width() { return std::clamp(terminal_columns(STDOUT_FILENO), 40, 110); }

std::string program_help(const std::vector<std::unique_ptr<Command>>& commands) {
  const auto width = static_cast<size_t>(text_width());
  std::string out =
      "nalar runs language models on this machine, from local files.\n"
      "It has no network.\n\nUsage: nalar COMMAND …\n       nalar COMMAND --help\n\nCommands\n";
  for (const auto& command : commands) {
    out += entry(command->name(), command->about(), 14, width);
  }
  out += "\nOptions\n" +
         entry("--version", "version, instruction set, network lock, LibTorch", 14, width) +
         entry("-h, --help", "this text", 14, width);
  return out + "\n" + kExitCodes;
}

std::string command_help(const Command& command, const OptionSet& options) {
  const auto width = static_cast<size_t>(text_width());
  std::string out = fmt::format("Usage: nalar {} {}\n\n", command.name(), command.arguments());
  out += wrapped(command.about(), 0, width);
  if (!options.positionals().empty()) out += "\n";
  for (const auto& [name, help] : options.positionals()) out += entry(name, help, kIndent, width);
  const std::string* group = nullptr;
  for (const auto& setting : options.settings()) {
    if (group == nullptr || *group != setting->group)
      out += "\n" + wrapped(setting->group, 0, width);
    group = &setting->group;
    out += entry(setting->spelled, setting->help, kIndent, width);
  }
  out += entry("--version", "version, instruction set, network lock, LibTorch", kIndent, width);
  out += entry("-h, --help", "this text", kIndent, width);
  std::string_view notes = command.notes();
  while (!notes.empty()) {
    const std::string_view paragraph = notes.substr(0, notes.find('\n'));
    out += "\n" + wrapped(paragraph, 0, width);
    notes.remove_prefix(std::min(notes.size(), paragraph.size() + 1));
  }
  return out;
}

std::string version_text() {
  const VersionInfo info = version_info();
  const TorchInfo torch = torch_info();
  std::string out = fmt::format("nalar {}\n", info.version);
  out += fmt::format("commit      {}\n", info.commit);
  out += fmt::format("compiler    {}\n", info.compiler);
  out += fmt::format("processor   {}\n", cpu_isa());
  out += fmt::format("network     {}\n", network_is_locked()
                                             ? "none: the kernel refuses sockets to this process"
                                             : "NOT LOCKED: the kernel did not take the filter");
  if (torch.problem.empty()) {
    out += fmt::format("LibTorch    {} ({})\n", torch.version, torch.path);
  } else {
    out += fmt::format("LibTorch    not there: {}\n", torch.problem);
    if (!torch.hint.empty()) out += fmt::format("            try: {}\n", torch.hint);
  }
  return out;
}

}  // namespace nalar::apps
