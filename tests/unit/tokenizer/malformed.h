#pragma once

#include <nalar/error.h>

#include <functional>
#include <string>

namespace nalar::test {

// One malformed input: what is done with it, and the words that the message must hold.
struct Malformed {
  std::string name;
  std::function<void()> open;
  std::string message;
  ErrorKind kind = ErrorKind::bad_data;
};

// Checks kind and message; a message is one line of printable characters.
void check_malformed(const Malformed& row);

}  // namespace nalar::test
