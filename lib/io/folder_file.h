#pragma once

#include <nalar/error.h>
#include <nalar/model_files.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "io/file_system.h"

namespace nalar::io {

// "a/b", joined; the folder may be empty (the current one).
std::string join(std::string_view folder, std::string_view name);
std::string folder_of(std::string_view path);
std::string_view name_of(std::string_view path);

// Largest size of a file of a model's folder that is read at all, by its name.
uint64_t size_limit(std::string_view name) noexcept;

// Maps the file `name` of a model's folder. Links are followed inside the folder and, in a Hugging
// Face cache (models--*/snapshots/REV), into the blobs/ beside snapshots/; a link that leads
// elsewhere is Error(no_input) unless options allow it. Refuses what is no data (see
// refuse_foreign_content). Errors name the path.
std::unique_ptr<MappedFile> map_in_folder(FileSystem& fs, const std::string& folder,
                                          std::string_view name, const OpenOptions& options);

// Maps a file that the user named; the link rule does not hold for it.
std::unique_ptr<MappedFile> map_given(FileSystem& fs, const std::string& path);

// Runs parse(), naming `path` in its errors.
template <typename F>
auto in_file(const std::string& path, F&& parse) -> decltype(parse()) {
  try {
    return parse();
  } catch (const Error& error) {
    throw error.in_file(path);
  }
}

}  // namespace nalar::io
