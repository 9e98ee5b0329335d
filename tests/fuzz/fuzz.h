#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace nalar::fuzz {

// What a target defines: one run over one input. It may throw Error(bad_data) or Error(policy);
// every other exception is a finding. Check what must hold of accepted input with `need`.
void one(std::string_view input);

// Ends the program with a message when a promise does not hold.
void need(bool holds, const char* what);

// libFuzzer gives every input memory of its own, so a read past its end is seen.
inline std::span<const std::byte> as_bytes(std::string_view input) {
  return std::as_bytes(std::span(input.data(), input.size()));
}

}  // namespace nalar::fuzz
