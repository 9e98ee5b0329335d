#include "convert/output.h"
#include "io/atomic_file.h"
#include "io/atomic_folder.h"
#include "io/file_modes.h"
#include "io/folder_file.h"
#include "model/lora_peft.h"

namespace nalar::convert {

std::vector<std::string> write_peft_folder(io::FileSystem& files, const std::string& path,
                                           const model::LoraAdapter& adapter, const Model& base) {
  io::make_folder_atomically(files, path, [&](const std::string& folder) {
    model::write_peft(files, folder, adapter, base);
  });
  return {io::join(path, model::kPeftConfigName), io::join(path, model::kPeftWeightsName)};
}

std::vector<std::string> write_gguf_adapter(io::FileSystem& files, const std::string& path,
                                            const model::GgufAdapter& form) {
  io::refuse_existing(files, path);
  io::write_atomically(files, path, io::kSharedFile, [&](io::OutputFile& file) {
    io::write_gguf(file, form.keys, form.tensors);
  });
  return {path};
}

}  // namespace nalar::convert
