#include <fmt/format.h>
#include <nalar/error.h>

#include <span>

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
                const std::vector<io::GgufTensorToWrite>& tensors) {
  io::write_atomically(files, path, io::kSharedFile,
                       [&](io::OutputFile& file) { io::write_gguf(file, keys, tensors); });
}

void remove_all(io::FileSystem& files, std::span<const std::string> paths) {
  for (const std::string& path : paths) {
    try {
      if (files.kind(path) == io::PathKind::file) files.remove(path);
    } catch (const Error&) {  // the reason to tell is the first one
    }
  }
}

}  // namespace

std::vector<std::string> write_gguf_files(io::FileSystem& files, const std::string& path,
                                          const GgufForm& form, std::optional<int64_t> max_bytes,
                                          TensorOutput& output) {
  if (!max_bytes) {
    io::refuse_existing(files, path);
    write_part(files, path, form.keys,
               tensors_to_write<io::GgufTensorToWrite>(form.tensors, output));
    return {path};
  }
  const std::vector<Slice> slices = split_tensors(form.tensors, max_bytes);
  const size_t n = slices.size();
  constexpr size_t kMostParts = 65535;  // split.count is a u16
  if (n > kMostParts) {
    throw Error(ErrorKind::usage,
                fmt::format("--split-size: got {} files, need at most {}", n, kMostParts));
  }
  std::vector<std::string> parts;
  for (size_t i = 0; i < n; ++i) {
    parts.push_back(part_path(path, i, n));
    io::refuse_existing(files, parts.back());
  }
  size_t i = n;
  try {
    // A set is opened by its first file, which has the keys.
    while (i-- > 0) {
      io::GgufKeys keys = i == 0 ? form.keys : io::GgufKeys();
      set_split(i, n, form.tensors.size(), keys);
      write_part(files, parts[i], keys,
                 tensors_to_write<io::GgufTensorToWrite>(slices[i].of(form.tensors), output));
    }
  } catch (...) {
    remove_all(files, std::span(parts).subspan(i));
    throw;
  }
  return parts;
}

}  // namespace nalar::convert
