#include "io/folder_file.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "io/content_kind.h"

namespace nalar::io {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

bool is_below(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

// Of a folder in a Hugging Face cache, …/models--NAME/snapshots/REV or deeper:
// …/models--NAME/blobs. Else "".
std::string blobs_of(const std::string& folder) {
  for (std::string at = folder; at.size() > 1; at = folder_of(at)) {
    const std::string above = folder_of(at);
    if (name_of(above) != "snapshots") continue;
    const std::string model = folder_of(above);
    if (name_of(model).starts_with("models--")) return join(model, "blobs");
  }
  return "";
}

}  // namespace

std::string join(std::string_view folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  return fmt::format("{}{}{}", folder, folder.back() == '/' ? "" : "/", name);
}

std::string folder_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return "";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

std::string_view name_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

uint64_t size_limit(std::string_view name) noexcept {
  if (name.ends_with(".safetensors") || name.ends_with(".gguf")) return kNoLimit;
  if (name.ends_with(".safetensors.index.json")) return 64 * kMiB;
  if (name == "tokenizer.json") return 256 * kMiB;
  if (name == "vocab.json" || name == "merges.txt") return 64 * kMiB;
  if (name.ends_with(".model") || name.ends_with(".spm")) return 64 * kMiB;
  if (name.ends_with(".jinja")) return kMiB;
  return 16 * kMiB;
}

std::unique_ptr<MappedFile> map_in_folder(FileSystem& fs, const std::string& folder,
                                          std::string_view name, const OpenOptions& options) {
  const std::string path = join(folder, name);
  const std::string target = fs.canonical(path);
  if (!options.allow_symlinks) {
    const std::string root = fs.canonical(folder.empty() ? "." : folder);
    const std::string blobs = blobs_of(root);
    if (!is_below(target, root) && (blobs.empty() || !is_below(target, blobs))) {
      throw Error(ErrorKind::no_input,
                  fmt::format("not a regular file inside the model folder: a link to {}",
                              base::escaped(target)),
                  "--allow-symlinks")
          .in_file(path);
    }
  }
  return in_file(path, [&] {
    auto file = fs.map(target, size_limit(name));
    if (!name.ends_with(".jinja")) refuse_foreign_content(file->text());
    return file;
  });
}

std::unique_ptr<MappedFile> map_given(FileSystem& fs, const std::string& path) {
  auto file = fs.map(path);
  in_file(path, [&] { refuse_foreign_content(file->text()); });
  return file;
}

}  // namespace nalar::io
