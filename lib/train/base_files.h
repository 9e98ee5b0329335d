#pragma once

#include <nalar/chat.h>
#include <nalar/model_files.h>

#include <string>
#include <vector>

#include "io/file_system.h"
#include "report/training_record.h"

namespace nalar::train {

// Size and SHA-256 of the files of a base model: its weights, and config.json where there is one.
std::vector<report::FileHash> hash_files(const ModelFiles& base);
std::vector<report::FileHash> hash_files(io::FileSystem& files,
                                         const std::vector<std::string>& paths);

// The tokenizer's and the template's files of the base, into the folder, each atomically; of a GGUF
// file the template as chat_template.jinja. Errors: cannot_create, io.
void copy_tokenizer_files(io::FileSystem& files, const ModelFiles& base, const ChatTemplate* chat,
                          const std::string& folder);
// The same, and what makes a folder a model besides its weights.
void copy_model_files(io::FileSystem& files, const ModelFiles& base, const ChatTemplate* chat,
                      const std::string& folder);

}  // namespace nalar::train
