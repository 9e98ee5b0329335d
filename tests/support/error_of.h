#pragma once

#include <nalar/error.h>

#include <string>

namespace nalar::test {

// The message of the Error that `run` throws; "no error" if it throws none.
template <typename F>
std::string error_of(F&& run) {
  try {
    run();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace nalar::test
