#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nalar/export.h>
#include <nalar/tensor.h>

namespace nalar {

namespace io {
class GgufMetadata;
class TensorFile;
}  // namespace io

enum class ModelFormat {
  gguf,         // one file, or the files of a split set
  hf,           // a folder: config.json, *.safetensors, tokenizer files
  parts,        // a folder or single file with nothing but tokenizer or template
};

struct OpenOptions {
  bool allow_symlinks = false;  // follow links that lead out of the folder
  // A model with tensors that its family does not know is opened, without them: they are
  // Model::unknown_tensors(). To carry them along; else it is refused.
  bool keep_unknown_tensors = false;
};

// The files of one model, told by their content and mapped; nothing is converted. Thread-safe.
// What borrows from the mapped files keeps them by shared_from_this().
class NALAR_API ModelFiles : public std::enable_shared_from_this<ModelFiles> {
 public:
  // PATH as in cli.md: a .gguf (any part of a split set: its first), a Hugging Face folder, a folder with nothing but tokenizer or
  // template files, a tokenizer.json, a tokenizer.model, a .jinja file.
  // Errors: no_input, bad_data (truncated, not a model), policy (pickle files alone).
  static std::shared_ptr<const ModelFiles> open(const std::string& path,
                                                const OpenOptions& options = {});
  virtual ~ModelFiles() = default;

  virtual const std::string& path() const = 0;
  virtual ModelFormat format() const = 0;
  // All tensors, of all shards. nullptr where there are none (ModelFormat::parts).
  virtual const io::TensorFile* tensors() const = 0;
  // nullptr unless gguf.
  virtual const io::GgufMetadata* gguf() const = 0;
  // A file of the folder by its name ("config.json", "tokenizer.json", …): its bytes, mapped, or
  // nullopt when it is absent. A size limit per name is checked before it is mapped.
  virtual std::optional<std::string_view> file(std::string_view name) const = 0;
  // Where that file lies, for messages.
  virtual std::string path_of(std::string_view name) const = 0;
  // The weight files, in order: for hashes and for memory reports.
  virtual std::vector<std::string> weight_paths() const = 0;
  // The bytes of these mapped pages are not needed again: give them back to the system. Whole pages
  // inside `bytes` only; reading them again is still right, only slower.
  virtual void release_pages(std::span<const std::byte> bytes) const = 0;
};

}  // namespace nalar
