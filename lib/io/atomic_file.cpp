#include "io/atomic_file.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <limits>
#include <string_view>

#include "io/folder_file.h"

namespace nalar::io {
namespace {

bool is_left_over(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  int64_t pid = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + prefix.size(), end, pid);
  return error == std::errc() && rest == end && !is_another_live_process(pid);
}

}  // namespace

bool is_another_live_process(int64_t pid) {
  // Ours: a process of before had the same number, as the first one of a container always has.
  if (pid <= 0 || pid == getpid() || pid > std::numeric_limits<pid_t>::max()) return false;
  return kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM;
}

void refuse_existing(FileSystem& files, const std::string& path) {
  if (files.kind(path) == PathKind::missing) return;
  throw Error(ErrorKind::cannot_create, "exists already").in_file(path);
}

void require_folder_of(FileSystem& files, const std::string& path) {
  const std::string folder = folder_of(path), above = folder.empty() ? "." : folder;
  if (files.kind(above) == PathKind::directory) return;
  throw Error(ErrorKind::cannot_create, "no such folder").in_file(above);
}

std::string place_aside(FileSystem& files, const std::string& path) {
  require_folder_of(files, path);
  const std::string folder = folder_of(path), above = folder.empty() ? "." : folder;
  const std::string prefix = fmt::format(".tmp-{}-", name_of(path));
  for (const std::string& name : files.list(above)) {
    if (!is_left_over(name, prefix)) continue;
    const std::string left = join(folder, name);
    if (files.kind(left) == PathKind::directory) {
      remove_flat_directory(files, left);
    } else {
      files.remove(left);
    }
  }
  return join(folder, fmt::format("{}{}", prefix, getpid()));
}

void write_atomically(FileSystem& files, const std::string& path, int mode,
                      const std::function<void(OutputFile&)>& write) {
  const std::string folder = folder_of(path);
  const std::string aside = place_aside(files, path);
  {
    const auto file = files.create(aside, mode);
    write(*file);
    file->sync();
    file->close();
  }
  try {
    files.rename(aside, path);
  } catch (const Error&) {
    try {
      files.remove(aside);
    } catch (const Error&) {  // the reason to tell is that of the rename
    }
    throw;
  }
  files.sync_directory(folder.empty() ? "." : folder);
}

void write_atomically(FileSystem& files, const std::string& path, int mode, std::string_view text) {
  write_atomically(files, path, mode,
                   [&](OutputFile& file) { file.write(std::as_bytes(std::span(text))); });
}

}  // namespace nalar::io
