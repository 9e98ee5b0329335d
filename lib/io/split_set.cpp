#include <fmt/format.h>
#include <nalar/error.h>

#include <optional>
#include <string_view>

#include "base/utf8.h"
#include "io/folder_file.h"
#include "io/gguf_reader.h"
#include "io/weight_files.h"

namespace nalar::io {
namespace {

// PREFIX-00002-of-00005.gguf
struct PartName {
  std::string prefix;
  int64_t number = 0;
  int64_t count = 0;

  std::string of(int64_t n) const {
    return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, n, count);
  }
};

std::optional<PartName> part_name(std::string_view name) {
  constexpr std::string_view kShape = "-#####-of-#####.gguf";
  if (name.size() <= kShape.size()) return std::nullopt;
  const std::string_view tail = name.substr(name.size() - kShape.size());
  PartName part;
  int64_t* number = &part.number;
  for (size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] != '#') {
      if (tail[i] != kShape[i]) return std::nullopt;
      if (i > 0) number = &part.count;
      continue;
    }
    if (tail[i] < '0' || tail[i] > '9') return std::nullopt;
    *number = *number * 10 + (tail[i] - '0');
  }
  part.prefix = name.substr(0, name.size() - kShape.size());
  return part;
}

void add_part(WeightFiles& weights, std::string path, std::unique_ptr<MappedFile> map,
              GgufFile part) {
  in_file(path, [&] {
    weights.index.reserve(part.tensors.size());
    for (TensorView& tensor : part.tensors) {
      const std::string_view name = tensor.name;
      if (weights.index.add(std::move(tensor))) continue;
      throw Error(
          ErrorKind::bad_data,
          fmt::format("duplicate tensor {}: another part of the set has it", base::escaped(name)));
    }
  });
  if (weights.maps.empty()) weights.metadata = std::move(part.metadata);
  weights.paths.push_back(std::move(path));
  weights.maps.push_back(std::move(map));
}

void check_none_missing(FileSystem& fs, const std::string& folder, const PartName& name) {
  constexpr int kShown = 5;
  std::string missing;
  int n = 0;
  for (int64_t i = 1; i <= name.count; ++i) {
    if (fs.kind(join(folder, name.of(i))) != PathKind::missing) continue;
    if (n++ < kShown) missing += fmt::format("{}{}", n > 1 ? ", " : "", base::escaped(name.of(i)));
  }
  if (n == 0) return;
  const std::string more = n > kShown ? fmt::format(" and {} more", n - kShown) : "";
  throw Error(ErrorKind::bad_data, fmt::format("incomplete split set of {} files: missing {}{}",
                                               name.count, missing, more));
}

// The file's place in its set: the keys that gguf-split writes.
void check_place(const GgufMetadata& metadata, int64_t number, int64_t count) {
  const int64_t n = metadata.need_integer("split.no");
  const int64_t of = metadata.need_integer("split.count");
  if (of != count) {
    throw Error(ErrorKind::bad_data,
                fmt::format("key split.count: got {}, need {} as in the name", of, count));
  }
  if (n != number - 1) {
    throw Error(ErrorKind::bad_data, fmt::format("key split.no: got {}, need {} for file {} of {}",
                                                 n, number - 1, number, count));
  }
}

void check_count(const WeightFiles& weights) {
  const auto declared = weights.metadata.integer("split.tensors.count");
  const auto have = static_cast<int64_t>(weights.index.tensors().size());
  if (declared && *declared != have) {
    throw Error(ErrorKind::bad_data,
                fmt::format("key split.tensors.count: got {}, the set has {}", *declared, have));
  }
}

PartName need_part_name(std::string_view path, const GgufMetadata& metadata, int64_t count) {
  const int64_t n = metadata.need_integer("split.no");
  if (count > 99'999 || n < 0 || n >= count) {
    throw Error(ErrorKind::bad_data,
                fmt::format("key split.no: got {}, need less than split.count {}", n, count));
  }
  auto part = part_name(name_of(path));
  if (!part) {
    throw Error(ErrorKind::bad_data,
                fmt::format("file {} of a split set of {} is not named NAME-{:05}-of-{:05}.gguf",
                            n + 1, count, n + 1, count));
  }
  check_place(metadata, part->number, part->count);
  return *part;
}

}  // namespace

WeightFiles open_gguf(FileSystem& fs, const std::string& path, const OpenOptions& options) {
  WeightFiles weights;
  auto map = map_given(fs, path);
  GgufFile file = in_file(path, [&] { return parse_gguf(map->bytes()); });
  const int64_t count =
      in_file(path, [&] { return file.metadata.integer("split.count").value_or(1); });
  if (count == 1 || count == 0) {
    add_part(weights, path, std::move(map), std::move(file));
    return weights;
  }
  const std::string folder = folder_of(path);
  const PartName name = in_file(path, [&] {
    PartName part = need_part_name(path, file.metadata, count);
    check_none_missing(fs, folder, part);
    return part;
  });
  for (int64_t i = 1; i <= count; ++i) {
    const std::string part_path = join(folder, name.of(i));
    auto part_map = map_in_folder(fs, folder, name.of(i), options);
    GgufFile part = in_file(part_path, [&] {
      GgufFile parsed = parse_gguf(part_map->bytes());
      check_place(parsed.metadata, i, count);
      return parsed;
    });
    add_part(weights, part_path, std::move(part_map), std::move(part));
  }
  in_file(weights.paths.front(), [&] { check_count(weights); });
  return weights;
}

}  // namespace nalar::io
