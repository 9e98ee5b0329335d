#pragma once

#include <nalar/export.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace nalar {

// All of a regular file or pipe; "-" is the standard input. Errors: no_input (absent, a folder, a
// device), usage (the standard input is closed), bad_data (more than max_bytes), io. Each names the
// path, or "standard input".
NALAR_API std::string read_input(const std::string& path, size_t max_bytes);

// Makes the file, mode 0600. Errors: cannot_create (it exists, no such folder, …), io (full disk);
// nothing is left then.
NALAR_API void write_new_file(const std::string& path, std::string_view content);

// Whether there is a folder for a file of this path. Errors: cannot_create.
NALAR_API void require_folder_of(const std::string& path);

// The file with this content, mode 0600: a new one takes its place in one step. Errors:
// cannot_create, io; the old one is left then.
NALAR_API void replace_file(const std::string& path, std::string_view content);
// Where it is there. Errors: io.
NALAR_API void remove_file(const std::string& path);
NALAR_API bool file_exists(const std::string& path);

}  // namespace nalar
