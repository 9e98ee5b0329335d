#include "io/safetensors_writer.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/json.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/utf8.h"
#include "io/counted_file.h"
#include "io/file_modes.h"
#include "io/key_set.h"

namespace nalar::io {
namespace {

// The order of the reference's enum of types, backwards (github.com/huggingface/safetensors,
// tensor.rs).
constexpr std::array kOrder = {DType::u64, DType::i64, DType::f64,     DType::f32,
                               DType::u32, DType::i32, DType::bf16,    DType::f16,
                               DType::u16, DType::i16, DType::f8_e4m3, DType::f8_e5m2,
                               DType::i8,  DType::u8,  DType::boolean};

size_t rank(const TensorToWrite& tensor) {
  const auto* const at = std::find(kOrder.begin(), kOrder.end(), tensor.dtype);
  if (at == kOrder.end()) {
    throw Error(ErrorKind::internal, fmt::format("tensor {}: safetensors has no type {}",
                                                 base::escaped(tensor.name), name(tensor.dtype)));
  }
  return static_cast<size_t>(at - kOrder.begin());
}

int64_t bytes_of(const TensorToWrite& tensor) {
  int64_t bytes = block_size(tensor.dtype).bytes;
  for (const int64_t d : tensor.shape) bytes *= d;
  return bytes;
}

void check(const std::vector<TensorToWrite>& tensors) {
  KeySet names;
  names.add("__metadata__");
  for (const TensorToWrite& tensor : tensors) {
    rank(tensor);  // refuses a type that the format has not
    if (!names.add(tensor.name)) {
      throw Error(ErrorKind::internal,
                  fmt::format("two tensors are named {}", base::escaped(tensor.name)));
    }
  }
}

void sort_as_reference(std::vector<TensorToWrite>& tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const TensorToWrite& a, const TensorToWrite& b) {
    return std::pair(rank(a), std::string_view(a.name)) <
           std::pair(rank(b), std::string_view(b.name));
  });
}

std::string header_of(const std::vector<TensorToWrite>& tensors, const Metadata& metadata) {
  Json::Object header;
  if (!metadata.empty()) {
    Json::Object values;
    for (const auto& [key, value] : metadata) values.emplace_back(key, value);
    header.emplace_back("__metadata__", std::move(values));
  }
  int64_t at = 0;
  for (const TensorToWrite& tensor : tensors) {
    const int64_t end = at + bytes_of(tensor);
    header.emplace_back(
        tensor.name, Json::Object{{"dtype", name(tensor.dtype)},
                                  {"shape", Json::Array(tensor.shape.begin(), tensor.shape.end())},
                                  {"data_offsets", Json::Array{at, end}}});
    at = end;
  }
  std::string text = to_text(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace

void write_safetensors(OutputFile& file, std::vector<TensorToWrite> tensors,
                       const Metadata& metadata) {
  check(tensors);
  sort_as_reference(tensors);
  const std::string header = header_of(tensors, metadata);
  const uint64_t length = header.size();
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::as_bytes(std::span(header)));
  for (const TensorToWrite& tensor : tensors) {
    CountedFile counted(file);
    tensor.write(counted);
    if (counted.bytes() != bytes_of(tensor)) {
      throw Error(ErrorKind::internal,
                  fmt::format("tensor {}: got {} bytes, need {}", base::escaped(tensor.name),
                              counted.bytes(), bytes_of(tensor)));
    }
  }
}

void write_safetensors(FileSystem& files, const std::string& path,
                       std::vector<TensorToWrite> tensors, const Metadata& metadata) {
  const auto file = files.create(path, kPrivateFile);
  write_safetensors(*file, std::move(tensors), metadata);
  file->sync();
  file->close();
}

}  // namespace nalar::io
