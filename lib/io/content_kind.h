#pragma once

#include <string_view>

namespace nalar::io {

// What a file's first bytes say it is, of the things that are found where a model was expected.
enum class ContentKind {
  unknown,
  empty,
  gguf,
  safetensors,
  json,
  git_lfs_pointer,
  html,
  zip,
  gzip,
  pickle
};

ContentKind content_kind(std::string_view content) noexcept;

// Throws when the content is no data at all but a download gone wrong or an archive (bad_data, with
// a hint), or a pickle (policy); nothing is wrong with the others here.
void refuse_foreign_content(std::string_view content);

// .bin .pt .pth .ckpt .npz .pkl .pickle
bool has_pickle_suffix(std::string_view file_name) noexcept;
// Throws Error(policy).
[[noreturn]] void refuse_pickle();

}  // namespace nalar::io
