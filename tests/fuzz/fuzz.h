#pragma once

#include <nalar/error.h>

#include <cstddef>
#include <span>
#include <string_view>

namespace nalar::fuzz {

// What a target defines: one run over one input. It may throw Error(bad_data) or Error(policy);
// every other exception is a finding. Check what must hold of accepted input with `need`.
void one(std::string_view input);

// Ends the program with a message when a promise does not hold.
void need(bool holds, const char* what);

// What open() gives, or an empty one where the input is something else than is looked for.
template <typename F>
auto opened(F&& open) -> decltype(open()) {
  try {
    return open();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::no_input) throw;
    return {};
  }
}

// libFuzzer gives every input memory of its own, so a read past its end is seen.
inline std::span<const std::byte> as_bytes(std::string_view input) {
  return std::as_bytes(std::span(input.data(), input.size()));
}

}  // namespace nalar::fuzz
