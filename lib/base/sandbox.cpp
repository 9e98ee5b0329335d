#include <nalar/sandbox.h>

#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>

namespace nalar {
namespace {

// Refused altogether. Numbers a kernel does not know are skipped by libseccomp's pseudo numbers.
constexpr int kRefused[] = {
    SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4),
    SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(ptrace),
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
};

std::string failed(const char* what, int error) {
  return fmt::format("{}: {}", what, std::strerror(error));
}

}  // namespace

std::string lock_down() {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  prctl(PR_SET_DUMPABLE, 0);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no_new_privs", errno);

  const std::unique_ptr<void, void (*)(void*)> filter(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
  if (!filter) return "seccomp_init failed";
  const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
  // Argument 0, the family: any but AF_UNIX is refused.
  for (const int call : {SCMP_SYS(socket), SCMP_SYS(socketpair)}) {
    const scmp_arg_cmp not_unix = {0, SCMP_CMP_NE, AF_UNIX, 0};
    if (const int e = seccomp_rule_add_array(filter.get(), refuse, call, 1, &not_unix); e != 0) {
      return failed("seccomp rule", -e);
    }
  }
  for (const int call : kRefused) {
    if (const int e = seccomp_rule_add_array(filter.get(), refuse, call, 0, nullptr); e != 0) {
      return failed("seccomp rule", -e);
    }
  }
  if (const int e = seccomp_load(filter.get()); e != 0) return failed("seccomp_load", -e);
  return {};
}

bool network_is_locked() {
  for (const int family : {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET}) {
    const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
      close(fd);
      return false;
    }
    if (errno != EPERM) return false;
  }
  return true;
}

}  // namespace nalar
