#include "io/atomic_file.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <unistd.h>

#include "io/folder_file.h"

namespace nalar::io {

void write_atomically(FileSystem& files, const std::string& path, int mode,
                      const std::function<void(OutputFile&)>& write) {
  const std::string folder = folder_of(path);
  const std::string aside = join(folder, fmt::format(".tmp-{}-{}", name_of(path), getpid()));
  // Of a crashed process that had our number.
  if (files.kind(aside) == PathKind::file) files.remove(aside);
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
