#include "first_token.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nalar/error.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace nalar::apps {
namespace {

// Ten tokens or so, in most vocabularies.
constexpr const char* kPrompt = "The quick brown fox jumps over the lazy dog.";

[[noreturn]] void fail(const char* what, int error) {
  throw Error(ErrorKind::os, fmt::format("{}: {}", what, std::strerror(error)));
}

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) fail("pipe", errno);
  }
  ~Pipe() {
    ::close(ends_[0]);
    close_write_end();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_write_end() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  std::array<int, 2> ends_{};
};

pid_t spawn(std::vector<char*>& argv, int standard_output) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, standard_output, STDOUT_FILENO);
  pid_t child = 0;
  const int error =
      ::posix_spawn(&child, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail("cannot start nalar run", error);
  return child;
}

double once(std::vector<char*>& argv) {
  Pipe pipe;
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = spawn(argv, pipe.write_end());
  pipe.close_write_end();
  char byte = 0;
  ssize_t n = 0;
  do {
    n = ::read(pipe.read_end(), &byte, 1);
  } while (n < 0 && errno == EINTR);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  // The rest of a character, so that the process is not ended by a closed pipe.
  std::array<char, 256> rest;
  while (n > 0) n = ::read(pipe.read_end(), rest.data(), rest.size());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw Error(ErrorKind::os, "nalar run failed, so there is no time to the first token");
  }
  return seconds.count();
}

}  // namespace

std::vector<double> first_token_seconds(const std::vector<std::string>& arguments,
                                        int repetitions) {
  std::vector<std::string> all = {"nalar", "run"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  for (const char* a : {"--raw", "--greedy", "--ignore-eos", "-q", "-n", "1", "--", kPrompt}) {
    all.emplace_back(a);
  }
  std::vector<char*> argv;
  for (std::string& a : all) argv.push_back(a.data());
  argv.push_back(nullptr);
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) seconds.push_back(once(argv));
  return seconds;
}

}  // namespace nalar::apps
