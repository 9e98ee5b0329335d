#pragma once

namespace nalar::io {

// Modes of files and folders that are made. Shared: results, for whom the umask of the user allows.
// Private: what only goes on with a run or a chat, whatever the umask.
inline constexpr int kSharedFile = 0644;
inline constexpr int kSharedFolder = 0755;
inline constexpr int kPrivateFile = 0600;
inline constexpr int kPrivateFolder = 0700;

}  // namespace nalar::io
