#pragma once

#include "messages.h"
#include "option_set.h"
#include "output.h"

namespace nalar::apps {

// What every command can be told.
struct CommonFlags {
  std::optional<std::string> config;
  bool print_config = false;
  bool strict = false;
  bool json = false;
  bool quiet = false;
  bool verbose = false;
};

// The streams of a command.
struct Streams {
  Output out;
  Messages log;
};

// A subcommand: declares its options, then runs. One object a process.
class Command {
 public:
  virtual ~Command() = default;
  virtual const char* name() const = 0;
  virtual const char* arguments() const = 0;        // "MODEL [PROMPT] [-]"
  virtual const char* about() const = 0;            // a line
  virtual const char* notes() const { return ""; }  // paragraphs at the end of its help
  virtual void declare(OptionSet& options) = 0;
  virtual void run(const OptionSet& options, Streams& streams) = 0;

  CommonFlags common;
};

}  // namespace nalar::apps
