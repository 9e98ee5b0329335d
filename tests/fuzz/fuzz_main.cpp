#include <nalar/error.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "fuzz/fuzz.h"

namespace nalar::fuzz {

void need(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace nalar::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    nalar::fuzz::one({reinterpret_cast<const char*>(data), size});
  } catch (const nalar::Error& e) {
    const bool expected =
        e.kind() == nalar::ErrorKind::bad_data || e.kind() == nalar::ErrorKind::policy;
    nalar::fuzz::need(expected, e.what());
    for (const char* c = e.what(); *c != '\0'; ++c) {
      nalar::fuzz::need(static_cast<unsigned char>(*c) >= 0x20 && *c != 0x7F,
                        "a message has no control characters");
    }
  }
  return 0;
}
