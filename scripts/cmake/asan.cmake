# `cmake -C scripts/cmake/asan.cmake -B build-asan -G Ninja`: AddressSanitizer (with leaks) and UBSan, without LibTorch.
# Every report ends the program.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
# -g1: lines for the reports; whole debug information would double the time of a build.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1" CACHE STRING "")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O1 -g1" CACHE STRING "")
# g++ warns about what the instrumentation made of std::function.
set(flags "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -Wno-maybe-uninitialized")
set(CMAKE_CXX_FLAGS "${flags}" CACHE STRING "")
set(CMAKE_C_FLAGS "${flags}" CACHE STRING "")
set(LIBTORCH_DIR OFF CACHE PATH "")
set(NALAR_WERROR OFF CACHE BOOL "")
# Instrumented code is some ten times slower.
set(NALAR_TEST_TIMEOUT 600 CACHE STRING "")
