#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/json.h>
#include <nalar/log.h>

#include <iterator>
#include <map>
#include <optional>
#include <string_view>

#include "base/utf8.h"
#include "io/content_kind.h"
#include "io/folder_file.h"
#include "io/names.h"
#include "io/safetensors_reader.h"
#include "io/weight_files.h"

namespace nalar::io {
namespace {

struct Index {
  std::vector<std::pair<std::string, std::string>> weight_map;  // tensor → shard
  std::optional<int64_t> total_size;
};

void check_shard_name(std::string_view tensor, const Json& shard) {
  if (!shard.is_string()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("bad index (key weight_map.{}): got {}, need a string",
                            base::escaped(tensor), shard.kind_name()));
  }
  if (has_pickle_suffix(shard.as_string())) refuse_pickle();
  if (!is_file_name(shard.as_string())) {
    throw Error(ErrorKind::bad_data,
                fmt::format("shard name not allowed (key weight_map.{}): \"{}\"",
                            base::escaped(tensor), base::escaped(shard.as_string())));
  }
}

Index read_index(std::string_view text) {
  const Json root = parse_json(text, {text.size(), 64});
  const Json* map = root.find("weight_map");
  if (map == nullptr || !map->is_object()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("bad index (key weight_map): got {}, need an object",
                            map == nullptr ? "nothing" : map->kind_name()));
  }
  Index index;
  for (const auto& [tensor, shard] : map->as_object()) {
    check_shard_name(tensor, shard);
    index.weight_map.emplace_back(tensor, shard.as_string());
  }
  if (index.weight_map.empty()) {
    throw Error(ErrorKind::bad_data, "bad index (key weight_map): names no tensor");
  }
  const Json* metadata = root.find("metadata");
  const Json* total = metadata == nullptr ? nullptr : metadata->find("total_size");
  if (total != nullptr && total->is_integer()) index.total_size = total->as_int64();
  return index;
}

void add_file(WeightFiles& weights, FileSystem& fs, const std::string& folder,
              const std::string& name, const OpenOptions& options) {
  const std::string path = join(folder, name);
  auto map = map_in_folder(fs, folder, name, options);
  in_file(path, [&] {
    SafetensorsFile file = parse_safetensors(map->bytes());
    weights.index.reserve(file.tensors.size());
    for (TensorView& tensor : file.tensors) {
      const std::string_view tensor_name = tensor.name;
      if (weights.index.add(std::move(tensor))) continue;
      throw Error(ErrorKind::bad_data,
                  fmt::format("tensor {} is in two shards, here and in another",
                              base::escaped(tensor_name)));
    }
    weights.names.push_back(std::move(file.names));
  });
  weights.paths.push_back(path);
  weights.maps.push_back(std::move(map));
}

// Every tensor lies in the shard that the index names.
void check_places(const Index& index, const WeightFiles& weights,
                  const std::map<std::string, size_t>& tensors_before) {
  const TensorView* first = weights.index.tensors().data();
  for (const auto& [tensor, shard] : index.weight_map) {
    const TensorView* view = weights.index.find(tensor);
    const auto place = tensors_before.find(shard);
    const size_t at = view == nullptr ? 0 : static_cast<size_t>(view - first);
    const auto next = std::next(place);
    const size_t end = next == tensors_before.end() ? weights.index.tensors().size() : next->second;
    if (view != nullptr && at >= place->second && at < end) continue;
    throw Error(ErrorKind::bad_data, fmt::format("tensor {} is not in its shard {}",
                                                 base::escaped(tensor), base::escaped(shard)));
  }
}

void notice_differences(const Index& index, const WeightFiles& weights, const std::string& path) {
  const size_t have = weights.index.tensors().size();
  if (have > index.weight_map.size()) {
    notice(fmt::format("{}: the shards hold {} tensors that it does not name", base::escaped(path),
                       have - index.weight_map.size()));
  }
  int64_t bytes = 0;
  for (const TensorView& tensor : weights.index.tensors()) {
    bytes += static_cast<int64_t>(tensor.bytes.size());
  }
  if (index.total_size && *index.total_size != bytes) {
    notice(fmt::format("{}: key metadata.total_size says {} bytes, the tensors have {}",
                       base::escaped(path), *index.total_size, bytes));
  }
}

}  // namespace

WeightFiles open_safetensors(FileSystem& fs, const std::string& folder,
                             const OpenOptions& options) {
  WeightFiles weights;
  add_file(weights, fs, folder, kSafetensorsName, options);
  return weights;
}

WeightFiles open_safetensors_shards(FileSystem& fs, const std::string& folder,
                                    const OpenOptions& options) {
  const std::string path = join(folder, kSafetensorsIndexName);
  const auto map = map_in_folder(fs, folder, kSafetensorsIndexName, options);
  return in_file(path, [&] {
    const Index index = read_index(map->text());
    std::map<std::string, size_t> tensors_before;  // shard → tensors of the shards before it
    for (const auto& [tensor, shard] : index.weight_map) {
      if (!tensors_before.emplace(shard, 0).second) continue;
      if (fs.kind(join(folder, shard)) != PathKind::missing) continue;
      throw Error(ErrorKind::bad_data, fmt::format("tensor {}: shard {} is missing",
                                                   base::escaped(tensor), base::escaped(shard)));
    }
    WeightFiles weights;
    for (auto& [shard, before] : tensors_before) {
      before = weights.index.tensors().size();
      add_file(weights, fs, folder, shard, options);
    }
    check_places(index, weights, tensors_before);
    notice_differences(index, weights, path);
    return weights;
  });
}

}  // namespace nalar::io
