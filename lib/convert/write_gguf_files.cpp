#include <fmt/format.h>
#include <nalar/error.h>

#include "convert/output.h"
#include "io/atomic_file.h"
#include "io/file_modes.h"

namespace nalar::convert {
namespace {

std::string part_path(std::string path, size_t i, size_t n) {
  constexpr std::string_view kSuffix = ".gguf";
  if (path.ends_with(kSuffix)) path.resize(path.size() - kSuffix.size());
  return fmt::format("{}-{:05}-of-{:05}.gguf", path, i + 1, n);
}

void set_split(size_t i, size_t n, size_t n_tensors, io::GgufKeys& keys) {
  keys.set_u16("split.no", static_cast<uint16_t>(i));
  keys.set_u16("split.count", static_cast<uint16_t>(n));
  keys.set_i32("split.tensors.count", static_cast<int32_t>(n_tensors));
}

void write_part(io::FileSystem& files, const std::string& path, const io::GgufKeys& keys,
                std::span<const FormTensor> tensors, TensorOutput& output) {
  std::vector<io::GgufTensorToWrite> list;
  for (const FormTensor& tensor : tensors) {
    list.push_back({tensor.name, tensor.dtype, tensor.shape,
                    [&tensor, &output](io::OutputFile& file) { output.write(tensor, file); }});
  }
  io::write_atomically(files, path, io::kSharedFile,
                       [&](io::OutputFile& file) { io::write_gguf(file, keys, list); });
}

}  // namespace

Written write_gguf_files(io::FileSystem& files, const std::string& path, const GgufForm& form,
                         std::optional<int64_t> max_bytes, TensorOutput& output) {
  Written written;
  for (const FormTensor& tensor : form.tensors) written.bytes += byte_size(tensor);
  const std::vector<Slice> slices = split_tensors(form.tensors, max_bytes);
  const size_t n = slices.size();
  if (!max_bytes) {
    io::refuse_existing(files, path);
    write_part(files, path, form.keys, form.tensors, output);
    written.files.push_back(path);
    return written;
  }
  constexpr size_t kMostParts = 65535;  // split.count is a u16
  if (n > kMostParts) {
    throw Error(ErrorKind::usage,
                fmt::format("--split-size: got {} files, need at most {}", n, kMostParts));
  }
  for (size_t i = 0; i < n; ++i) io::refuse_existing(files, part_path(path, i, n));
  try {
    // A set is opened by its first file, which has the keys.
    for (size_t i = n; i-- > 0;) {
      io::GgufKeys keys = i == 0 ? form.keys : io::GgufKeys();
      set_split(i, n, form.tensors.size(), keys);
      const std::span<const FormTensor> all(form.tensors);
      const std::string part = part_path(path, i, n);
      write_part(files, part, keys, all.subspan(slices[i].begin, slices[i].end - slices[i].begin),
                 output);
      written.files.insert(written.files.begin(), part);
    }
  } catch (...) {
    for (const std::string& part : written.files) {
      try {
        files.remove(part);
      } catch (const Error&) {  // the reason to tell is the first one
      }
    }
    throw;
  }
  return written;
}

}  // namespace nalar::convert
