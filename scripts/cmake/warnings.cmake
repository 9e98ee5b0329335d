# Private to our own targets, never exported.
add_library(nalar_warnings INTERFACE)
target_compile_options(nalar_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual
  $<$<BOOL:${NALAR_WERROR}>:-Werror>
  # g++ 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # One arithmetic everywhere: a multiplication and an addition fuse only where the code says fma.
  -ffp-contract=off)
