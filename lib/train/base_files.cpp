#include "train/base_files.h"

#include <initializer_list>

#include "io/atomic_file.h"
#include "io/file_hash.h"
#include "io/file_modes.h"
#include "io/folder_file.h"

namespace nalar::train {
namespace {

constexpr const char* kConfig = "config.json";

constexpr std::initializer_list<const char*> kTokenizerFiles = {
    "tokenizer.json",    "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "tokenizer.model",       "vocab.json",
    "merges.txt",        "chat_template.jinja",   "chat_template.json",
};
constexpr std::initializer_list<const char*> kModelFiles = {kConfig, "generation_config.json"};

void copy(io::FileSystem& files, const ModelFiles& base, std::initializer_list<const char*> names,
          const std::string& folder) {
  for (const char* name : names) {
    if (const auto text = base.file(name)) {
      io::write_atomically(files, io::join(folder, name), io::kSharedFile, *text);
    }
  }
}

}  // namespace

std::vector<report::FileHash> hash_files(io::FileSystem& files,
                                         const std::vector<std::string>& paths) {
  std::vector<report::FileHash> hashes;
  for (const std::string& path : paths) {
    const io::FileDigest digest = io::digest_of(files, path);
    hashes.push_back(
        {std::string(io::name_of(path)), static_cast<int64_t>(digest.bytes), digest.sha256});
  }
  return hashes;
}

std::vector<report::FileHash> hash_files(const ModelFiles& base) {
  std::vector<std::string> paths = base.weight_paths();
  if (base.file(kConfig)) paths.push_back(base.path_of(kConfig));
  return hash_files(io::file_system(), paths);
}

void copy_tokenizer_files(io::FileSystem& files, const ModelFiles& base, const ChatTemplate* chat,
                          const std::string& folder) {
  if (base.format() != ModelFormat::gguf) {
    copy(files, base, kTokenizerFiles, folder);
  } else if (chat != nullptr) {
    io::write_atomically(files, io::join(folder, "chat_template.jinja"), io::kSharedFile,
                         chat->source());
  }
}

void copy_model_files(io::FileSystem& files, const ModelFiles& base, const ChatTemplate* chat,
                      const std::string& folder) {
  copy(files, base, kModelFiles, folder);
  copy_tokenizer_files(files, base, chat, folder);
}

}  // namespace nalar::train
