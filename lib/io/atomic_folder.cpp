#include "io/atomic_folder.h"

#include <nalar/error.h>

#include <span>

#include "io/atomic_file.h"
#include "io/file_modes.h"
#include "io/folder_file.h"

namespace nalar::io {

void make_folder_atomically(FileSystem& files, const std::string& path,
                            const std::function<void(const std::string& folder)>& fill) {
  std::string target = path;
  while (target.size() > 1 && target.back() == '/') target.pop_back();
  refuse_existing(files, target);
  const std::string folder = folder_of(target), above = folder.empty() ? "." : folder;
  const std::string aside = place_aside(files, target);
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
