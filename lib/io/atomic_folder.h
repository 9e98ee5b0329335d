#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "io/file_system.h"

namespace nalar::io {

// Makes a flat folder so that it is whole or absent, whatever happens: `fill` gets a folder beside
// it, whose files it syncs and closes; then it is renamed. What a killed process left beside it is
// removed by the next one. Errors: cannot_create where something of that name exists; io.
void make_folder_atomically(FileSystem& files, const std::string& path,
                            const std::function<void(const std::string& folder)>& fill);

// A file of such a folder, synced and closed.
void write_new_file(FileSystem& files, const std::string& path, int mode, std::string_view text);

}  // namespace nalar::io
