# `cmake -C scripts/cmake/asan.cmake -B build-asan -G Ninja`: AddressSanitizer (with leaks) and UBSan, without LibTorch.
# Every report ends the program.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(CMAKE_CXX_FLAGS "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" CACHE STRING "")
set(CMAKE_C_FLAGS "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" CACHE STRING "")
set(LIBTORCH_DIR OFF CACHE PATH "")
# g++ warns about what the instrumentation made of the code.
set(NALAR_WERROR OFF CACHE BOOL "")
