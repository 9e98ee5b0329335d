#include "io/file_system.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nalar/error.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <optional>

#include "base/digest.h"
#include "io/file_hash.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"
#include "support/safetensors_builder.h"

namespace nalar::io {

TEST_CASE("a mapped file shows its bytes, also after its pages were given back") {
  const std::string path = test::temporary_folder() + "/f";
  const std::string content(50'000, 'x');
  test::write_text(path, content);
  const auto file = file_system().map(path);
  CHECK(file->text() == content);
  file->release_pages(file->bytes());
  file->release_pages(file->bytes().subspan(5, 10));
  CHECK(file->text() == content);
  test::write_text(path + "0", "");
  CHECK(file_system().map(path + "0")->bytes().empty());
}

TEST_CASE("a size over the limit is refused before it is mapped") {
  const std::string path = test::temporary_folder() + "/f";
  test::write_text(path, "12345");
  CHECK_NOTHROW(file_system().map(path, 5));
  CHECK_THROWS_WITH(file_system().map(path, 4), path + ": file too large: 5 bytes, limit 4");
}

TEST_CASE("what is no regular file is no_input, at once") {
  const std::string folder = test::temporary_folder();
  REQUIRE(mkfifo((folder + "/pipe").c_str(), 0600) == 0);
  REQUIRE(symlink("loop", (folder + "/loop").c_str()) == 0);
  const auto problem = [&](const std::string& path) {
    try {
      file_system().map(path);
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::no_input);
      return std::string(e.what());
    }
    return std::string("no error");
  };
  CHECK(problem(folder + "/pipe") == folder + "/pipe: not a regular file: a pipe");
  CHECK(problem(folder) == folder + ": not a regular file: a folder");
  CHECK(problem("/dev/null") == "/dev/null: not a regular file: a device");
  CHECK_THAT(problem(folder + "/loop"), Catch::Contains("symbolic links"));
  CHECK_THAT(problem(folder + "/none"), Catch::Contains("No such file"));
  CHECK_THAT(problem(folder + "/" + std::string(4096, 'x')), Catch::Contains("too long"));
  CHECK_THAT(problem(folder + "/\x1b[31m\n\xff"), Catch::Contains("\\x1b[31m\\n\\xff: "));
  CHECK_THAT(problem(folder + std::string("/f\0g", 4)), Catch::Contains("\\x00g"));
}

TEST_CASE("a file that becomes shorter while it is mapped ends the program with a line and 74") {
  const std::string path = test::temporary_folder() + "/short\n.gguf";
  test::write_text(path, std::string(3 * 4096, 'x'));
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(pipe_ends[1], 2);
    const auto file = file_system().map(path);
    if (truncate(path.c_str(), 4096) != 0) _exit(1);
    const volatile std::byte* at = file->bytes().data() + 2 * 4096;
    _exit(*at == std::byte{'x'} ? 2 : 3);
  }
  close(pipe_ends[1]);
  std::string line(1000, '\0');
  line.resize(
      static_cast<size_t>(std::max<ssize_t>(0, read(pipe_ends[0], line.data(), line.size()))));
  close(pipe_ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 74);
  CHECK_THAT(line, Catch::EndsWith("short\\n.gguf: file became shorter while it was being read\n"));
}

TEST_CASE("a SIGBUS that is not ours keeps its default answer") {
  const std::string path = test::temporary_folder() + "/f";
  test::write_text(path, "x");
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto file = file_system().map(path);
    raise(SIGBUS);
    raise(SIGBUS);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGBUS);
}

TEST_CASE("a new file is there after close, and gone without it") {
  const std::string path = test::temporary_folder() + "/f";
  FileSystem& fs = file_system();
  const std::string text = "abc";
  fs.create(path, 0600)->write(std::as_bytes(std::span(text)));
  CHECK(fs.kind(path) == PathKind::missing);
  {
    const auto file = fs.create(path, 0600);
    file->write(std::as_bytes(std::span(text)));
    file->sync();
    file->close();
  }
  CHECK(test::read_text(path) == text);
  try {
    fs.create(path, 0600);
    FAIL("made over an old file");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::cannot_create);
  }
  fs.rename(path, path + "2");
  CHECK(fs.kind(path) == PathKind::missing);
  fs.remove(path + "2");
  CHECK(fs.kind(path + "2") == PathKind::missing);
}

TEST_CASE("bytes of a new file are replaced, and writing goes on at its end") {
  const std::string path = test::temporary_folder() + "/f";
  const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  const auto file = file_system().create(path, 0600);
  CHECK(file->path() == path);
  file->write(bytes("0123456789"));
  file->overwrite(2, bytes("ab"));
  file->write(bytes("xy"));
  file->close();
  CHECK(test::read_text(path) == "01ab456789xy");
}

TEST_CASE("a file is gone on with at a place, what was behind it cut off") {
  const std::string path = test::temporary_folder() + "/log.jsonl";
  FileSystem& fs = file_system();
  test::write_text(path, "one\ntwo\nthr");
  {
    const auto file = fs.append(path, 8);
    CHECK(test::read_text(path) == "one\ntwo\n");
    const std::string text = "three\n";
    file->write(std::as_bytes(std::span(text)));
    file->sync();
  }
  // Not a new file: it stays without close().
  CHECK(test::read_text(path) == "one\ntwo\nthree\n");
  CHECK_THROWS_WITH(fs.append(path, 15), path + ": file is short: got 14 bytes, need 15");
  CHECK_THROWS_WITH(fs.append(path + "2", 0), Catch::Contains("No such file"));
  REQUIRE(symlink(path.c_str(), (path + "3").c_str()) == 0);
  CHECK_THROWS_AS(fs.append(path + "3", 0), Error);
  CHECK(test::read_text(path).size() == 14);
}

TEST_CASE("folders are made, looked at for room, synced and removed") {
  const std::string folder = test::temporary_folder();
  FileSystem& fs = file_system();
  make_directories(fs, folder + "/a/b/c/", 0700);
  make_directories(fs, folder + "/a/b/c", 0700);
  struct stat info = {};
  REQUIRE(stat((folder + "/a/b/c").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
  CHECK_THROWS_AS(fs.make_directory(folder + "/a", 0700), Error);
  test::write_text(folder + "/outside", "kept");
  test::write_text(folder + "/a/b/c/f", "f");
  REQUIRE(symlink(folder.c_str(), (folder + "/a/b/c/link").c_str()) == 0);
  fs.sync_file(folder + "/a/b/c/f");
  fs.sync_directory(folder + "/a/b/c");
  CHECK_THROWS_AS(remove_flat_directory(fs, folder + "/a/b"), Error);
  CHECK_THROWS_AS(fs.remove_directory(folder + "/a/b/c"), Error);
  // A link goes itself, not what it leads to.
  remove_flat_directory(fs, folder + "/a/b/c");
  CHECK(fs.list(folder + "/a/b").empty());
  CHECK(test::read_text(folder + "/outside") == "kept");
  CHECK(fs.free_bytes(folder) > 0);
  CHECK_THROWS_AS(fs.free_bytes(folder + "/none"), Error);
}

namespace {

// A disk of 64 KiB, for this process alone; false where the system does not let us.
bool mount_small_disk(const std::string& folder) {
  const std::string user = fmt::format("0 {} 1", getuid());
  const std::string group = fmt::format("0 {} 1", getgid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  try {
    test::write_text("/proc/self/setgroups", "deny");
    test::write_text("/proc/self/uid_map", user);
    test::write_text("/proc/self/gid_map", group);
  } catch (const std::exception&) {
    return false;
  }
  return mount("none", folder.c_str(), "tmpfs", 0, "size=64k") == 0;
}

// What `work` throws on a disk of 64 KiB at `folder`; nullopt where there can be none.
std::optional<std::string> error_on_small_disk(const std::string& folder,
                                               const std::function<void()>& work) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (!mount_small_disk(folder)) _exit(1);
    const std::string error = test::error_of(work);
    _exit(::write(ends[1], error.data(), error.size()) == ssize_t(error.size()) ? 0 : 2);
  }
  close(ends[1]);
  std::string error(1000, '\0');
  error.resize(static_cast<size_t>(std::max<ssize_t>(0, read(ends[0], error.data(), 1000))));
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 1) return std::nullopt;
  return error;
}

}  // namespace

TEST_CASE("a full disk is io, says how much is free, and loses the new file") {
  const std::string folder = test::temporary_folder();
  const auto error = error_on_small_disk(folder, [&] {
    const std::vector<std::byte> bytes(100'000);
    try {
      file_system().create(folder + "/f", 0600)->write(bytes);
    } catch (const Error& e) {
      const bool gone = file_system().list(folder).empty();
      if (e.kind() == ErrorKind::io && gone && file_system().free_bytes(folder) > 0) throw;
    }
  });
  if (!error) {
    WARN("no small disk can be mounted here");
    return;
  }
  CHECK(*error == folder + "/f: cannot be written (0 bytes are free): No space left on device");
}

TEST_CASE("a folder is held by one at a time, until its holder ends") {
  const std::string folder = test::temporary_folder();
  auto lock = file_system().lock(folder);
  CHECK(lock);
  CHECK_FALSE(file_system().lock(folder));  // another opening is as another process
  lock.reset();
  CHECK(file_system().lock(folder));
  CHECK(test::error_of([&] { file_system().lock(folder + "/none"); }) ==
        folder + "/none: cannot be opened: No such file or directory");
}

TEST_CASE("a file is read by calls, to its end, and digested") {
  const std::string path = test::temporary_folder() + "/f";
  test::write_text(path, std::string(1'000'000, 'x'));
  const auto file = file_system().open(path);
  CHECK(file->size() == 1'000'000);
  const FileDigest digest = digest_of(*file);
  CHECK(digest.bytes == 1'000'000);
  CHECK(digest.sha256 == base::sha256_hex(std::string(1'000'000, 'x')));
  CHECK(digest_of(file_system(), path).sha256 == digest.sha256);
  CHECK(read_file(file_system(), path, 1'000'000) == test::read_text(path));
  CHECK_THROWS_WITH(read_file(file_system(), path, 999'999), Catch::Contains("too large"));
  CHECK_THROWS_WITH(file_system().open("/dev/null"), Catch::Contains("not a regular file"));
}

TEST_CASE("read_file reads a file or a pipe up to its limit") {
  const std::string folder = test::temporary_folder();
  test::write_text(folder + "/f", std::string(100'000, 'y'));
  CHECK(read_file(folder + "/f", 100'000).size() == 100'000);
  CHECK_THROWS_WITH(read_file(folder + "/f", 99'999), folder + "/f: too large: limit 99999 bytes");
  CHECK_THROWS_WITH(read_file(folder, 10), folder + ": not a file: a folder");
  CHECK(read_file("/dev/null", 10).empty());
  CHECK_THROWS_AS(read_file("/dev/zero", 1 << 20), Error);
}

}  // namespace nalar::io
