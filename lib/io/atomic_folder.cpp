#include "io/atomic_folder.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <unistd.h>

#include <charconv>
#include <span>

#include "io/atomic_file.h"
#include "io/file_modes.h"
#include "io/folder_file.h"

namespace nalar::io {
namespace {

void remove_leftovers(FileSystem& files, const std::string& above, std::string_view prefix) {
  for (const std::string& name : files.list(above)) {
    if (!name.starts_with(prefix)) continue;
    int64_t pid = 0;
    const char* const end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + prefix.size(), end, pid);
    if (error != std::errc() || rest != end || is_another_live_process(pid)) continue;
    if (files.kind(join(above, name)) == PathKind::directory) {
      remove_flat_directory(files, join(above, name));
    }
  }
}

}  // namespace

void make_folder_atomically(FileSystem& files, const std::string& path,
                            const std::function<void(const std::string& folder)>& fill) {
  std::string target = path;
  while (target.size() > 1 && target.back() == '/') target.pop_back();
  if (files.kind(target) != PathKind::missing) {
    throw Error(ErrorKind::cannot_create, "exists already").in_file(path);
  }
  const std::string folder = folder_of(target), above = folder.empty() ? "." : folder;
  const std::string prefix = fmt::format(".tmp-{}-", name_of(target));
  remove_leftovers(files, above, prefix);
  const std::string aside = join(folder, fmt::format("{}{}", prefix, getpid()));
  files.make_directory(aside, kSharedFolder);
  try {
    fill(aside);
    files.sync_directory(aside);
    files.rename(aside, target);
  } catch (...) {
    try {
      remove_flat_directory(files, aside);
    } catch (const Error&) {  // the reason to tell is the first one
    }
    throw;
  }
  files.sync_directory(above);
}

void write_new_file(FileSystem& files, const std::string& path, int mode, std::string_view text) {
  const auto file = files.create(path, mode);
  file->write(std::as_bytes(std::span(text)));
  file->sync();
  file->close();
}

}  // namespace nalar::io
