#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "io/file_system.h"

namespace nalar::io {

// Makes or replaces a file so that a crash at any moment leaves the old one or the whole new one:
// `write` fills a file beside it, which is synced, renamed to `path`, and the folder synced. When
// anything fails before that last sync the old one stays and nothing else is left; what a killed
// process left beside it is removed by the next one. Errors: cannot_create, io.
void write_atomically(FileSystem& files, const std::string& path, int mode,
                      const std::function<void(OutputFile& file)>& write);
void write_atomically(FileSystem& files, const std::string& path, int mode, std::string_view text);

// Errors: cannot_create where something of that name exists.
void refuse_existing(FileSystem& files, const std::string& path);

// Errors: cannot_create where there is no folder for a file of this path.
void require_folder_of(FileSystem& files, const std::string& path);

// Where this process writes `path` aside, file or flat folder. What killed processes left of the
// like is removed. Errors: cannot_create where there is no such folder; io.
std::string place_aside(FileSystem& files, const std::string& path);

// Whether a process that runs, and is not this one, has this number: one that writes a file aside.
bool is_another_live_process(int64_t pid);

}  // namespace nalar::io
