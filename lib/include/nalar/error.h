#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include <nalar/export.h>

namespace nalar {

// What kind of failure it is, and the exit code that `nalar` gives it (sysexits.h).
enum class ErrorKind {
  usage = 64,          // the command line, or an argument out of its range
  bad_data = 65,       // the content of a file or of the standard input
  no_input = 66,       // a file that cannot be opened or is not of the kind that is needed
  internal = 70,       // our bug
  os = 71,             // the system refused: memory, threads, a call
  cannot_create = 73,  // an output that exists or cannot be made
  io = 74,             // reading or writing failed: full disk, closed stdout
  try_again = 75,      // stopped, what was done is saved: run again
  policy = 77,         // refused on principle: pickle, signature
  config = 78,         // a configuration file or key
};

// Every failure that nalar reports. The message is one line:
//   FILE: what is wrong (at byte N | key K | line L): got X, need Y
// Parsers take bytes and know no file: they throw without it, and the opener adds it by in_file().
class NALAR_API Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string hint = {});

  ErrorKind kind() const { return kind_; }
  // What the user could try, or empty. Printed as a second line, "  try: …".
  const std::string& hint() const { return hint_; }
  // The same error with "path: " before its message; unchanged if a file is named already.
  Error in_file(std::string_view path) const;

 private:
  ErrorKind kind_;
  std::string hint_;
  bool names_file_ = false;
};

}  // namespace nalar
