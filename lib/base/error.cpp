#include <nalar/error.h>

#include "base/utf8.h"

namespace nalar {

Error::Error(ErrorKind kind, const std::string& message, std::string hint)
    : std::runtime_error(message), kind_(kind), hint_(std::move(hint)) {}

Error Error::in_file(std::string_view path) const {
  if (names_file_) return *this;
  Error named(kind_, base::escaped(path) + ": " + what(), hint_);
  named.names_file_ = true;
  return named;
}

}  // namespace nalar
