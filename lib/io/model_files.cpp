#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/model_files.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <utility>

#include "base/utf8.h"
#include "io/content_kind.h"
#include "io/folder_file.h"
#include "io/names.h"
#include "io/open_model_files.h"
#include "io/weight_files.h"

namespace nalar {
namespace io {
namespace {

// What all kinds of model have: weights, if any, and named side files that are mapped when first
// asked for.
class Files final : public ModelFiles {
 public:
  Files(FileSystem& fs, std::string path, ModelFormat format, const OpenOptions& options)
      : fs_(fs), path_(std::move(path)), format_(format), options_(options) {}

  void set_weights(WeightFiles weights) {
    weights_ = std::move(weights);
    has_weights_ = true;
  }
  // A single side file, known by the name it would have in a folder.
  void set_single(std::string name, std::unique_ptr<MappedFile> file) {
    opened_.emplace(std::move(name), std::move(file));
  }
  // Side files are looked for in the folder.
  void set_folder() { has_folder_ = true; }

  const std::string& path() const override { return path_; }
  ModelFormat format() const override { return format_; }
  const TensorFile* tensors() const override { return has_weights_ ? &weights_.index : nullptr; }
  const GgufMetadata* gguf() const override {
    return format_ == ModelFormat::gguf ? &weights_.metadata : nullptr;
  }

  std::optional<std::string_view> file(std::string_view name) const override {
    if (!is_file_name(name)) {
      throw Error(ErrorKind::internal, fmt::format("not a file name: {}", base::escaped(name)));
    }
    const std::lock_guard lock(mutex_);
    auto found = opened_.find(name);
    if (found == opened_.end()) {
      if (!has_folder_ || fs_.kind(join(path_, name)) == PathKind::missing) return std::nullopt;
      found = opened_.emplace(name, map_in_folder(fs_, path_, name, options_)).first;
    }
    return found->second->text();
  }

  std::string path_of(std::string_view name) const override {
    return has_folder_ ? join(path_, name) : path_;
  }
  std::vector<std::string> weight_paths() const override { return weights_.paths; }

  void release_pages(std::span<const std::byte> part) const override {
    for (const auto& map : weights_.maps) {
      const auto all = map->bytes();
      const std::byte* begin = std::max(part.data(), all.data());
      const std::byte* end = std::min(part.data() + part.size(), all.data() + all.size());
      if (begin < end) map->release_pages({begin, end});
    }
  }

 private:
  FileSystem& fs_;
  std::string path_;
  ModelFormat format_;
  OpenOptions options_;
  bool has_weights_ = false;
  bool has_folder_ = false;
  WeightFiles weights_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::unique_ptr<MappedFile>, std::less<>> opened_;
};

constexpr std::array<std::string_view, 8> kParts = {
    "tokenizer.json",          "tokenizer.model",     "vocab.json",
    "tokenizer_config.json",   "chat_template.jinja", "chat_template.json",
    "special_tokens_map.json", "merges.txt"};

[[noreturn]] void refuse(const std::string& path, const std::string& what, std::string hint = "") {
  throw Error(ErrorKind::no_input, what, std::move(hint)).in_file(path);
}

// The names that satisfy `wanted`, a few of them, for a message; "" when there are none.
template <typename F>
std::string some_of(const std::vector<std::string>& names, F&& wanted) {
  std::string text;
  int n = 0;
  for (const std::string& name : names) {
    if (!wanted(name) || ++n > 3) continue;
    text += fmt::format("{}{}", n > 1 ? ", " : "", base::escaped(name, 80));
  }
  return n > 3 ? fmt::format("{} and {} more", text, n - 3) : text;
}

// A folder without weights that can be read: parts, or the best words about what is there instead.
ModelFormat format_without_weights(const std::string& path, const std::vector<std::string>& names) {
  const auto with_suffix = [&](std::string_view suffix) {
    return some_of(names, [&](const std::string& n) { return n.ends_with(suffix); });
  };
  if (const auto ggufs = with_suffix(".gguf"); !ggufs.empty()) {
    refuse(path, fmt::format("a folder with GGUF files: {}", ggufs), "name the file");
  }
  if (!some_of(names, has_pickle_suffix).empty()) in_file(path, [] { refuse_pickle(); });
  for (const std::string_view part : kParts) {
    if (std::binary_search(names.begin(), names.end(), part)) return ModelFormat::parts;
  }
  if (std::binary_search(names.begin(), names.end(), "snapshots")) {
    refuse(path, "a folder of a Hugging Face cache, not a model",
           "name the folder below its snapshots/");
  }
  const auto others = with_suffix(".safetensors");
  refuse(path,
         others.empty()
             ? std::string("no model in this folder: need model.safetensors or its index.json, or "
                           "tokenizer or template files")
             : fmt::format("no model.safetensors and no model.safetensors.index.json in this "
                           "folder, only {}",
                           others));
}

std::shared_ptr<const ModelFiles> open_folder(FileSystem& fs, const std::string& path,
                                              const OpenOptions& options) {
  const std::vector<std::string> names = fs.list(path);
  const auto has = [&](const char* name) {
    return std::binary_search(names.begin(), names.end(), name);
  };
  const bool single = has(kSafetensorsName);
  const bool weights = single || has(kSafetensorsIndexName);
  const ModelFormat format = weights ? ModelFormat::hf : format_without_weights(path, names);
  auto files = std::make_shared<Files>(fs, path, format, options);
  files->set_folder();
  if (weights) {
    files->set_weights(single ? open_safetensors(fs, path, options)
                              : open_safetensors_shards(fs, path, options));
  }
  return files;
}

// The name that a single tokenizer or template file would have in a folder; "" for any other file.
std::string part_name(std::string_view name, ContentKind kind) {
  if (name.ends_with(".jinja")) return "chat_template.jinja";
  if (name.ends_with(".model") || name.ends_with(".spm") || name.starts_with("tokenizer.model")) {
    return "tokenizer.model";
  }
  if (name.ends_with(".json") || kind == ContentKind::json) {
    const bool known = std::find(kParts.begin(), kParts.end(), name) != kParts.end();
    return known ? std::string(name) : "tokenizer.json";
  }
  return "";
}

std::shared_ptr<const ModelFiles> open_single(FileSystem& fs, const std::string& path,
                                              const OpenOptions& options) {
  auto map = fs.map(path);
  const ContentKind kind = content_kind(map->text());
  const std::string_view name = name_of(path);
  if (kind == ContentKind::gguf || name.ends_with(".gguf")) {
    auto files = std::make_shared<Files>(fs, path, ModelFormat::gguf, options);
    map.reset();
    files->set_weights(open_gguf(fs, path, options));
    return files;
  }
  return in_file(path, [&] {
    if (has_pickle_suffix(name)) refuse_pickle();
    const std::string part = part_name(name, kind);
    if (!name.ends_with(".jinja")) refuse_foreign_content(map->text());
    if (kind == ContentKind::safetensors || name.ends_with(".safetensors")) {
      refuse(path, "one safetensors file, not a model", "name the folder it lies in");
    }
    if (kind == ContentKind::empty && part.empty()) throw Error(ErrorKind::bad_data, "empty file");
    if (part.empty()) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("not a model, a tokenizer or a template: begins with \"{}\"",
                              base::escaped(map->text().substr(0, 16))));
    }
    if (map->bytes().size() > size_limit(part)) {
      throw Error(ErrorKind::bad_data, fmt::format("file too large for {}: {} bytes, limit {}",
                                                   part, map->bytes().size(), size_limit(part)));
    }
    auto files = std::make_shared<Files>(fs, path, ModelFormat::parts, options);
    files->set_single(part, std::move(map));
    return std::shared_ptr<const ModelFiles>(std::move(files));
  });
}

}  // namespace

std::shared_ptr<const ModelFiles> open_model_files(FileSystem& fs, const std::string& path,
                                                   const OpenOptions& options) {
  switch (fs.kind(path)) {
    case PathKind::missing:
      refuse(path, "no such file or folder");
    case PathKind::other:
      refuse(path, "not a file or folder: a pipe, socket or device");
    case PathKind::directory:
      return open_folder(fs, path, options);
    case PathKind::file:
      return open_single(fs, path, options);
  }
  throw Error(ErrorKind::internal, "path of no kind");
}

}  // namespace io

std::shared_ptr<const ModelFiles> ModelFiles::open(const std::string& path,
                                                   const OpenOptions& options) {
  return io::open_model_files(io::file_system(), path, options);
}

}  // namespace nalar
