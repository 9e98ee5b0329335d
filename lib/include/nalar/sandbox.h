#pragma once

#include <string>

#include <nalar/export.h>

namespace nalar {

// Takes the network from this process for good, before any file is read: sockets other than AF_UNIX,
// connect, bind, sendto, io_uring and ptrace fail with EPERM (seccomp, no_new_privs); no core dumps.
// Returns the problem when the kernel refuses, else "".
NALAR_API std::string lock_down();
// Tries what lock_down forbids: true when the kernel refuses it.
NALAR_API bool network_is_locked();

}  // namespace nalar
