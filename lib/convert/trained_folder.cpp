#include "convert/trained_folder.h"

#include <algorithm>

#include "convert/hf_form.h"
#include "convert/output.h"
#include "io/atomic_file.h"
#include "io/file_modes.h"
#include "io/folder_file.h"
#include "io/safetensors_writer.h"
#include "io/weight_files.h"

namespace nalar::convert {
namespace {

void take_values(const NewValues& values, FormTensor& tensor) {
  if (!tensor.role) return;
  const std::span<const float> all = values(*tensor.role);
  if (all.empty()) return;
  tensor.change = [all](int64_t row, std::span<float> out) {
    std::copy_n(all.begin() + row * static_cast<int64_t>(out.size()), out.size(), out.begin());
  };
}

}  // namespace

void write_trained_folder(io::FileSystem& files, const std::string& folder, const Model& base,
                          const NewValues& values, int threads) {
  HfForm form = hf_form(base);
  tell(form.notices, form.left_out);
  for (FormTensor& tensor : form.tensors) take_values(values, tensor);
  const auto write_text = [&](const std::string& name, std::string_view text) {
    io::write_atomically(files, io::join(folder, name), io::kSharedFile, text);
  };
  write_text("config.json", to_text(form.config, 2) + "\n");
  for (const auto& [name, text] : form.files) {
    if (name != "README.md") write_text(name, text);
  }
  const ConvertControl control;
  TensorOutput output(base.files(), threads, control, static_cast<int64_t>(form.tensors.size()));
  auto tensors = tensors_to_write<io::TensorToWrite>(form.tensors, output);
  io::write_atomically(files, io::join(folder, io::kSafetensorsName), io::kSharedFile,
                       [&](io::OutputFile& file) {
                         io::write_safetensors(file, std::move(tensors), {{"format", "pt"}});
                       });
}

}  // namespace nalar::convert
