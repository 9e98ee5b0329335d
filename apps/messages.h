#pragma once

#include <string_view>

namespace nalar::apps {

// What the program says to a person, on stderr: whole lines, made printable. Losing one is no
// error.
class Messages {
 public:
  bool quiet = false;
  bool verbose = false;

  void note(std::string_view line) const;    // unless quiet
  void detail(std::string_view line) const;  // only when verbose
  // Always: "nalar: …".
  static void error(std::string_view line);
  static void line(std::string_view text);

  // A line that stands below all others and is written over by the next one; "" takes it away. For
  // terminals that can (can_overwrite), and text that fits in a line.
  static void status(std::string_view text);
};

}  // namespace nalar::apps
