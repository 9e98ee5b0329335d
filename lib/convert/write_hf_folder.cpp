#include <fmt/format.h>
#include <nalar/json.h>

#include "convert/output.h"
#include "io/atomic_folder.h"
#include "io/file_modes.h"
#include "io/folder_file.h"
#include "io/safetensors_writer.h"

namespace nalar::convert {
namespace {

std::string shard_name(size_t i, size_t n) {
  if (n == 1) return "model.safetensors";
  return fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, n);
}

void write_shard(io::FileSystem& files, const std::string& path,
                 std::vector<io::TensorToWrite> tensors) {
  const auto file = files.create(path, io::kSharedFile);
  io::write_safetensors(*file, std::move(tensors), {{"format", "pt"}});
  file->sync();
  file->close();
}

Json index_of(const HfForm& form, const std::vector<Slice>& slices) {
  Json::Object shards;
  int64_t bytes = 0;
  for (size_t i = 0; i < slices.size(); ++i) {
    for (size_t t = slices[i].begin; t < slices[i].end; ++t) {
      shards.emplace_back(form.tensors[t].name, shard_name(i, slices.size()));
      bytes += byte_size(form.tensors[t]);
    }
  }
  return Json::Object{{"metadata", Json::Object{{"total_size", bytes}}},
                      {"weight_map", std::move(shards)}};
}

}  // namespace

std::vector<std::string> write_hf_folder(io::FileSystem& files, const std::string& path,
                                         const HfForm& form, std::optional<int64_t> max_bytes,
                                         TensorOutput& output) {
  std::vector<std::string> made;
  const std::vector<Slice> slices = split_tensors(form.tensors, max_bytes);
  io::make_folder_atomically(files, path, [&](const std::string& folder) {
    const auto text_file = [&](const std::string& name, std::string_view text) {
      io::write_new_file(files, io::join(folder, name), io::kSharedFile, text);
      made.push_back(io::join(path, name));
    };
    text_file("config.json", to_text(form.config, 2) + "\n");
    for (const auto& [name, text] : form.files) text_file(name, text);
    for (size_t i = 0; i < slices.size(); ++i) {
      const std::string name = shard_name(i, slices.size());
      write_shard(files, io::join(folder, name),
                  tensors_to_write<io::TensorToWrite>(slices[i].of(form.tensors), output));
      made.push_back(io::join(path, name));
    }
    if (slices.size() > 1) {
      text_file("model.safetensors.index.json", to_text(index_of(form, slices), 2) + "\n");
    }
  });
  return made;
}

}  // namespace nalar::convert
