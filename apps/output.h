#pragma once

#include <nalar/terminal_text.h>

#include <string>
#include <string_view>

namespace nalar::apps {

// The standard output: results and nothing else. On a terminal text passes the filter unless `raw`;
// a pipe or file gets its exact bytes. Errors: io, when a byte cannot be written.
class Output {
 public:
  Output();

  bool is_terminal() const { return terminal_; }
  void set_raw(bool raw) { raw_ = raw; }
  // Untrusted text.
  void write(std::string_view text);
  void flush();
  // Ends a text: what the filter held back, and on a terminal a line end where there is none.
  void end_text();
  // The last word: everything is written and the stream is closed without an error.
  void close();

 private:
  bool terminal_ = false;
  bool raw_ = false;
  bool at_line_start_ = true;
  std::string pending_;
  TerminalFilter filter_;
};

}  // namespace nalar::apps
