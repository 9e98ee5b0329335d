# `cmake -C scripts/cmake/fuzz.cmake -B build-fuzz -G Ninja`: libFuzzer targets (tests/fuzz) with AddressSanitizer
# and UBSan, without LibTorch. The unit tests are left out: build-asan runs them.
set(CMAKE_CXX_COMPILER clang++ CACHE STRING "")
set(CMAKE_C_COMPILER clang CACHE STRING "")
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(flags "-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS "${flags}" CACHE STRING "")
set(CMAKE_C_FLAGS "${flags}" CACHE STRING "")
set(LIBTORCH_DIR OFF CACHE PATH "")
set(NALAR_FUZZ ON CACHE BOOL "")
