#include "train/trained_weights.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <string_view>
#include <vector>

#include "io/atomic_file.h"
#include "io/file_modes.h"
#include "io/folder_file.h"
#include "io/safetensors_writer.h"
#include "io/tensor_file.h"
#include "io/weight_files.h"
#include "kernels/half.h"
#include "model/lora_peft.h"
#include "model/weights.h"

namespace nalar::train {
namespace {

constexpr size_t kPiece = size_t{1} << 16;  // values converted at a time

// "layers.3.q_proj.weight" → "layers.3.q_proj".
std::string module_of(const std::string& tensor) { return tensor.substr(0, tensor.rfind('.')); }

using ByName = std::map<std::string_view, const Parameter*>;

ByName by_name(std::span<const Parameter> parameters) {
  ByName table;
  for (const Parameter& p : parameters) table.emplace(p.name, &p);
  return table;
}

void take_values(const ByName& table, const std::string& name, std::vector<float>& values) {
  const auto found = table.find(name);
  if (found == table.end() || found->second->value.size() != values.size()) {
    throw Error(ErrorKind::internal,
                fmt::format("no parameter {} of {} values", name, values.size()));
  }
  std::copy(found->second->value.begin(), found->second->value.end(), values.begin());
}

// Round to nearest even; the value is finite.
uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

uint16_t to_half(DType type, float value) {
  return type == DType::bf16 ? to_bf16(value) : kernels::to_f16(value);
}

bool is_finite_half(DType type, uint16_t bits) {
  const uint16_t exponent = type == DType::bf16 ? 0x7F80 : 0x7C00;
  return (bits & exponent) != exponent;
}

void write_halves(io::OutputFile& file, const TensorView& like, std::span<const float> values) {
  std::vector<uint16_t> piece;
  for (size_t at = 0; at < values.size(); at += kPiece) {
    piece.clear();
    for (const float value : values.subspan(at, std::min(kPiece, values.size() - at))) {
      piece.push_back(to_half(like.dtype, value));
      if (!is_finite_half(like.dtype, piece.back())) {
        throw Error(ErrorKind::bad_data, fmt::format("tensor {}: {} is beyond the range of {}",
                                                     like.name, value, name(like.dtype)));
      }
    }
    file.write(std::as_bytes(std::span(piece)));
  }
}

// The values of each tensor of the base's files that was trained, by the name in the file.
using Values = std::map<std::string_view, std::span<const float>>;
Values trained_tensors(const Model& base, std::span<const Parameter> parameters) {
  const TrainedValues values = trained_values(parameters);
  Weights weights = base.weights();
  Values table;
  model::for_each_tensor(base.config(), weights, [&](const model::TensorSlot& slot) {
    if (const auto found = values(slot.tensor); !found.empty()) {
      table.emplace(slot.view->name, found);
    }
  });
  // A tied head may lie in the file as well.
  if (base.config().tied_head) {
    const auto found = values({model::TensorRole::embedding});
    if (!found.empty()) table.emplace("lm_head.weight", found);
  }
  return table;
}

}  // namespace

model::LoraAdapter with_values(model::LoraAdapter adapter, std::span<const Parameter> parameters) {
  const ByName table = by_name(parameters);
  const model::TensorNaming naming(model::NameScheme::canonical);
  for (model::LoraModule& module : adapter.modules) {
    const std::string name = module_of(naming.name(module.target));
    take_values(table, name + ".lora_A", module.a);
    take_values(table, name + ".lora_B", module.b);
  }
  for (model::SavedTensor& tensor : adapter.saved) {
    take_values(table, naming.name(tensor.target), tensor.values);
  }
  return adapter;
}

TrainedValues trained_values(std::span<const Parameter> parameters) {
  return [table = by_name(parameters), naming = model::TensorNaming(model::NameScheme::canonical)](
             model::TensorName tensor) -> std::span<const float> {
    const auto found = table.find(naming.name(tensor));
    return found == table.end() ? std::span<const float>() : found->second->value;
  };
}

int64_t count_parameters(const model::LoraAdapter& adapter) {
  size_t n = 0;
  for (const model::LoraModule& module : adapter.modules) n += module.a.size() + module.b.size();
  for (const model::SavedTensor& tensor : adapter.saved) n += tensor.values.size();
  return static_cast<int64_t>(n);
}

void write_adapter(io::FileSystem& files, const std::string& folder,
                   const model::LoraAdapter& adapter, const Model& base) {
  const std::string aside = io::join(folder, ".tmp-adapter");
  if (files.kind(aside) == io::PathKind::directory) io::remove_flat_directory(files, aside);
  files.make_directory(aside, io::kPrivateFolder);
  model::write_peft(files, aside, adapter, base);
  for (const char* name : {model::kPeftWeightsName, model::kPeftConfigName}) {
    files.rename(io::join(aside, name), io::join(folder, name));
  }
  files.sync_directory(folder);
  io::remove_flat_directory(files, aside);
}

void write_weights(io::FileSystem& files, const std::string& folder, const Model& base,
                   std::span<const Parameter> parameters) {
  const Values table = trained_tensors(base, parameters);
  std::vector<io::TensorToWrite> tensors;
  for (const TensorView& view : base.files().tensors()->tensors()) {
    const auto found = table.find(view.name);
    const auto values = found == table.end() ? std::span<const float>() : found->second;
    tensors.push_back(
        {std::string(view.name), view.dtype, view.shape, [&view, values](io::OutputFile& file) {
           if (values.empty()) {
             file.write(view.bytes);
           } else if (view.dtype == DType::f32) {
             file.write(std::as_bytes(values));
           } else {
             write_halves(file, view, values);
           }
         }});
  }
  io::write_atomically(files, io::join(folder, io::kSafetensorsName), io::kSharedFile,
                       [&](io::OutputFile& file) {
                         io::write_safetensors(file, std::move(tensors), {{"format", "pt"}});
                       });
}

}  // namespace nalar::train
