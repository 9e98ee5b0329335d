# `cmake -C scripts/cmake/tsan.cmake -B build-tsan -G Ninja`: ThreadSanitizer, without LibTorch.
# Every report ends the program.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(CMAKE_CXX_FLAGS "-fsanitize=thread -fno-omit-frame-pointer" CACHE STRING "")
set(CMAKE_C_FLAGS "-fsanitize=thread -fno-omit-frame-pointer" CACHE STRING "")
set(LIBTORCH_DIR OFF CACHE PATH "")
# g++ warns about what the instrumentation made of the code.
set(NALAR_WERROR OFF CACHE BOOL "")
