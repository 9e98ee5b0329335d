#pragma once

#include <nalar/error.h>

#include <functional>
#include <string>

namespace nalar::test {

// One malformed input: what is done with it, and the words that the message must hold.
struct BadInput {
  std::string name;
  std::function<void()> open;
  std::string message;
  ErrorKind kind = ErrorKind::bad_data;
};

// Checks kind and message; a message is one line of printable characters.
void check_bad(const BadInput& row);

}  // namespace nalar::test
