#include "quant/imatrix.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include "base/utf8.h"
#include "io/atomic_file.h"
#include "io/file_modes.h"
#include "io/folder_file.h"
#include "io/gguf_reader.h"
#include "io/gguf_writer.h"

namespace nalar::quant {
namespace {

constexpr std::string_view kSums = ".in_sum2", kCounts = ".counts";
constexpr std::string_view kDatasets = "imatrix.datasets", kChunkCount = "imatrix.chunk_count",
                           kChunkSize = "imatrix.chunk_size";

[[noreturn]] void bad(const std::string& what, const std::string& hint = {}) {
  throw Error(ErrorKind::bad_data, what, hint);
}

std::vector<float> floats(const TensorView& tensor) {
  if (tensor.dtype != DType::f32) {
    bad(fmt::format("tensor {} is {}, need F32", base::escaped(tensor.name), name(tensor.dtype)));
  }
  std::vector<float> values(static_cast<size_t>(tensor.elements()));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  for (const float v : values) {
    if (std::isfinite(v) && v >= 0) continue;
    bad(fmt::format("tensor {} holds {}: need numbers that are not negative",
                    base::escaped(tensor.name), v));
  }
  return values;
}

uint32_t number(const io::GgufMetadata& keys, std::string_view key) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  return static_cast<uint32_t>(std::clamp<int64_t>(keys.integer(key).value_or(0), 0, kMost));
}

Imatrix parse(std::span<const std::byte> bytes) {
  constexpr std::string_view kMagic = "GGUF";
  if (bytes.size() < kMagic.size() ||
      std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    bad("not a GGUF file: the older form of importance matrices (.dat) is not read",
        "llama-imatrix --in-file OLD.dat -o NEW.gguf");
  }
  const io::GgufFile file = io::parse_gguf(bytes);
  if (file.metadata.string("general.type") != "imatrix") {
    bad("not an importance matrix: key general.type is not \"imatrix\"");
  }
  Imatrix imatrix;
  if (const io::GgufValue* datasets = file.metadata.find(kDatasets)) {
    for (const std::string_view name :
         datasets->strings().value_or(std::vector<std::string_view>{})) {
      imatrix.datasets.emplace_back(name);
    }
  }
  imatrix.chunk_count = number(file.metadata, kChunkCount);
  imatrix.chunk_size = number(file.metadata, kChunkSize);
  std::map<std::string, float> counts;
  for (const TensorView& tensor : file.tensors) {
    const std::string name(tensor.name);
    if (tensor.name.ends_with(kSums)) {
      imatrix.entries[name.substr(0, name.size() - kSums.size())].sums = floats(tensor);
    } else if (tensor.name.ends_with(kCounts)) {
      const std::vector<float> count = floats(tensor);
      if (count.size() != 1) {
        bad(fmt::format("tensor {} has {} counts: matrices of experts are not supported",
                        base::escaped(name), count.size()));
      }
      counts[name.substr(0, name.size() - kCounts.size())] = count.front();
    }
  }
  for (auto& [name, entry] : imatrix.entries) {
    const auto count = counts.find(name);
    if (count == counts.end() || count->second < 1) {
      bad(fmt::format("tensor {}{}: {}", base::escaped(name), kCounts,
                      count == counts.end() ? "missing" : "nothing was counted"));
    }
    entry.count = count->second;
  }
  if (imatrix.entries.empty()) bad("an importance matrix without a tensor NAME.in_sum2");
  return imatrix;
}

io::GgufTensorToWrite tensor_of(const std::string& name, const float* values, size_t n) {
  return {name, DType::f32, {1, static_cast<int64_t>(n)}, [values, n](io::OutputFile& file) {
            file.write(std::as_bytes(std::span(values, n)));
          }};
}

}  // namespace

Imatrix read_imatrix(io::FileSystem& files, const std::string& path) {
  const auto file = files.map(path);
  return io::in_file(path, [&] { return parse(file->bytes()); });
}

void write_imatrix(io::FileSystem& files, const std::string& path, const Imatrix& imatrix) {
  io::GgufKeys keys;
  keys.set("general.type", "imatrix");
  keys.set(kDatasets, imatrix.datasets);
  keys.set_u32(kChunkCount, imatrix.chunk_count);
  keys.set_u32(kChunkSize, imatrix.chunk_size);
  std::vector<io::GgufTensorToWrite> tensors;
  for (const auto& [name, entry] : imatrix.entries) {
    tensors.push_back(tensor_of(name + std::string(kSums), entry.sums.data(), entry.sums.size()));
    tensors.push_back(tensor_of(name + std::string(kCounts), &entry.count, 1));
  }
  io::write_atomically(files, path, io::kSharedFile,
                       [&](io::OutputFile& file) { io::write_gguf(file, keys, tensors); });
}

ImatrixStatistics::ImatrixStatistics(const Imatrix& imatrix) {
  for (const auto& [name, entry] : imatrix.entries) {
    std::vector<float> means = entry.sums;
    for (float& mean : means) mean /= entry.count;
    means_.emplace(name, std::move(means));
  }
}

std::span<const float> ImatrixStatistics::importance(const std::string& matrix) {
  const auto at = means_.find(matrix);
  return at == means_.end() ? std::span<const float>() : at->second;
}

}  // namespace nalar::quant
