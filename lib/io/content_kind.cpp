#include "io/content_kind.h"

#include <nalar/error.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

namespace nalar::io {
namespace {

bool starts_with_any_case(std::string_view text, std::string_view lower) noexcept {
  if (text.size() < lower.size()) return false;
  return std::equal(lower.begin(), lower.end(), text.begin(), [](char a, char b) {
    return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
  });
}

bool looks_like_safetensors(std::string_view content) noexcept {
  if (content.size() < 9 || content[8] != '{') return false;
  uint64_t length = 0;
  std::memcpy(&length, content.data(), sizeof length);
  return length <= 100'000'000;
}

}  // namespace

ContentKind content_kind(std::string_view content) noexcept {
  if (content.empty()) return ContentKind::empty;
  if (content.starts_with("GGUF")) return ContentKind::gguf;
  if (content.starts_with("version https://git-lfs.github.com/spec/")) {
    return ContentKind::git_lfs_pointer;
  }
  if (content.starts_with("PK\x03\x04")) return ContentKind::zip;
  if (content.starts_with("\x1f\x8b")) return ContentKind::gzip;
  // PROTO opcode, version, then the first opcode of a dict, a tuple, an empty list or a global.
  if (content.size() > 2 && content[0] == '\x80' && content[1] >= 2 && content[1] <= 5 &&
      std::string_view("}(]c\x8a\x95").find(content[2]) != std::string_view::npos) {
    return ContentKind::pickle;
  }
  if (looks_like_safetensors(content)) return ContentKind::safetensors;
  const size_t first = content.substr(0, 256).find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return ContentKind::unknown;
  const std::string_view text = content.substr(first);
  if (starts_with_any_case(text, "<!doctype html") || starts_with_any_case(text, "<html")) {
    return ContentKind::html;
  }
  return text.front() == '{' ? ContentKind::json : ContentKind::unknown;
}

void refuse_foreign_content(std::string_view content) {
  switch (content_kind(content)) {
    case ContentKind::git_lfs_pointer:
      throw Error(ErrorKind::bad_data, "this is a Git LFS pointer, not the file itself",
                  "git lfs pull, in the folder it was cloned to");
    case ContentKind::html:
      throw Error(ErrorKind::bad_data, "this is an HTML page, not a model file",
                  "download it again: the server sent a page, perhaps an error or a login");
    case ContentKind::zip:
      throw Error(ErrorKind::bad_data, "this is a zip archive, not a model file",
                  "unpack it first");
    case ContentKind::gzip:
      throw Error(ErrorKind::bad_data, "this is gzip-compressed, not a model file",
                  "unpack it with gunzip first");
    case ContentKind::pickle:
      refuse_pickle();
    default:
      return;
  }
}

bool has_pickle_suffix(std::string_view file_name) noexcept {
  for (const std::string_view suffix :
       {".bin", ".pt", ".pth", ".ckpt", ".npz", ".pkl", ".pickle"}) {
    if (file_name.size() > suffix.size() &&
        starts_with_any_case(file_name.substr(file_name.size() - suffix.size()), suffix)) {
      return true;
    }
  }
  return false;
}

void refuse_pickle() {
  throw Error(ErrorKind::policy, "pickle is refused: such a file can run code when it is read",
              "convert to safetensors, where the file comes from or in a sandbox");
}

}  // namespace nalar::io
