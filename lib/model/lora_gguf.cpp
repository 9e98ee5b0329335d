#include "model/lora_gguf.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <span>

#include "base/utf8.h"
#include "io/folder_file.h"
#include "model/float_values.h"
#include "model/lora_peft.h"
#include "model/rope_order.h"

namespace nalar::model {
namespace {

constexpr std::string_view kAlpha = "adapter.lora.alpha";
constexpr std::string_view kA = ".lora_a", kB = ".lora_b";
constexpr const char* kMerge = "nalar convert MODEL OUT --adapter … merges it into the model";

[[noreturn]] void fail(const std::string& what, std::string hint = {}) {
  throw Error(ErrorKind::bad_data, what, std::move(hint));
}

// GGUF's llama has its rows interleaved, whatever the base at hand is.
bool moves_rows(const ModelConfig& base, TensorName target) {
  return base.family == "llama" && is_turned(target.role) && !has_interleaved_rows(base, target);
}

int head_dim(const ModelConfig& base, TensorName target) {
  return base.layers[static_cast<size_t>(target.layer)].attention.head_dim;
}

struct Parts {
  const TensorView* a = nullptr;
  const TensorView* b = nullptr;
};

void check_keys(const io::GgufMetadata& keys, const ModelConfig& model) {
  const auto need = [&](std::string_view key, std::string_view value) {
    const std::string_view got = keys.need_string(key);
    if (got == value) return;
    fail(fmt::format("key {}: got \"{}\", need \"{}\"", key, base::escaped(got, 60), value));
  };
  if (const auto type = keys.string("general.type").value_or("model"); type != "adapter") {
    throw Error(
        ErrorKind::no_input,
        fmt::format("not an adapter: its key general.type means \"{}\"", base::escaped(type, 60)));
  }
  need("general.architecture", model.family);
  need("adapter.type", "lora");
  for (const auto& [key, value] : keys.entries()) {
    if (key.starts_with("adapter.") && key != "adapter.type" && key != kAlpha) {
      fail(fmt::format("key {} is not known: it may change what the adapter does",
                       base::escaped(key, 60)));
    }
  }
}

float read_alpha(const io::GgufMetadata& keys) {
  const auto alpha = keys.number(kAlpha);
  if (!alpha || !(std::abs(*alpha) <= std::numeric_limits<float>::max())) {
    fail(fmt::format("key {}: need a finite number", kAlpha));
  }
  return static_cast<float>(*alpha);
}

std::map<std::string, Parts> read_parts(const io::GgufFile& file) {
  std::map<std::string, Parts> parts;
  for (const TensorView& tensor : file.tensors) {
    const bool is_a = tensor.name.ends_with(kA);
    if (!is_a && !tensor.name.ends_with(kB)) {
      fail(fmt::format("tensor {} is none of an adapter", base::escaped(tensor.name)));
    }
    Parts& of = parts[std::string(tensor.name.substr(0, tensor.name.size() - kA.size()))];
    (is_a ? of.a : of.b) = &tensor;
  }
  return parts;
}

void check_shape(const TensorView& tensor, const std::vector<int64_t>& shape) {
  if (tensor.shape == shape) return;
  fail(fmt::format("tensor {} does not fit the base: got shape {}, need {}",
                   base::escaped(tensor.name), shape_text(tensor.shape), shape_text(shape)));
}

LoraModule read_module(const LoraTarget& target, const Parts& parts, const ModelConfig& base) {
  const bool embedded = target.name.role == TensorRole::embedding;
  const int64_t rank = parts.b->columns();
  if (rank < 1 || rank > kMaxRank) {
    fail(fmt::format("tensor {}: got rank {}, need 1..{}", parts.b->name, rank, kMaxRank));
  }
  check_shape(*parts.a, embedded ? std::vector{target.in, rank} : std::vector{rank, target.in});
  check_shape(*parts.b, {target.out, rank});
  LoraModule module{target.name, static_cast<int>(rank), 1, float_values(*parts.a),
                    float_values(*parts.b)};
  if (embedded) module.a = transposed(module.a, rank);
  if (moves_rows(base, target.name)) {
    uninterleave_rows(module.b, head_dim(base, target.name), rank);
  }
  return module;
}

// The alpha that gives this module's scale as readers compute it, where there is one.
std::optional<float> alpha_of(const LoraModule& module) {
  const auto rank = static_cast<float>(module.rank);
  const float guess = module.scale * rank;
  for (const float alpha : {guess, std::nextafter(guess, 0.0f), std::nextafter(guess, 2 * guess)}) {
    if (alpha / rank == module.scale) return alpha;
  }
  return std::nullopt;
}

bool says(float alpha, const LoraModule& module) {
  return alpha / static_cast<float>(module.rank) == module.scale;
}

// The one alpha that is right for most modules.
float common_alpha(const LoraAdapter& adapter) {
  std::vector<float> candidates{static_cast<float>(adapter.config.alpha)};
  for (const LoraModule& module : adapter.modules) {
    if (const auto alpha = alpha_of(module)) candidates.push_back(*alpha);
  }
  float best = 1;  // 0 would mean no scale
  std::ptrdiff_t most = -1;
  for (const float alpha : candidates) {
    const auto right = std::count_if(adapter.modules.begin(), adapter.modules.end(),
                                     [&](const LoraModule& m) { return says(alpha, m); });
    if (right > most && alpha != 0 && std::isfinite(alpha)) best = alpha, most = right;
  }
  return best;
}

void check_sayable(const LoraAdapter& adapter, const ModelConfig& base) {
  if (!adapter.saved.empty()) {
    const SavedTensor& saved = adapter.saved.front();
    fail(fmt::format("tensor {} in place of the base's: llama.cpp's adapters have no whole tensors",
                     TensorNaming(NameScheme::hf).name(saved.target)),
         kMerge);
  }
  for (const LoraModule& module : adapter.modules) {
    if (module.target.layer >= 0 || !base.tied_head) continue;
    fail(fmt::format("{} is adapted: llama.cpp cannot where the head is the embedding",
                     module_name(module.target)),
         kMerge);
  }
}

void fold(double factor, TensorName target, std::vector<float>& values) {
  for (float& value : values) {
    const double product = factor * value;
    if (!(std::abs(product) <= std::numeric_limits<float>::max())) {
      fail(fmt::format("{}: a value times the scale is {}, beyond the range of F32",
                       module_name(target), product));
    }
    value = static_cast<float>(product);
  }
}

void add_tensor(std::string name, std::vector<int64_t> shape, std::vector<float> values,
                std::vector<io::GgufTensorToWrite>& tensors) {
  auto kept = std::make_shared<const std::vector<float>>(std::move(values));
  tensors.push_back({std::move(name), DType::f32, std::move(shape), [kept](io::OutputFile& file) {
                       file.write(std::as_bytes(std::span(*kept)));
                     }});
}

}  // namespace

LoraAdapter bind_gguf_adapter(const io::GgufFile& file, const Model& base) {
  check_keys(file.metadata, base.config());
  const float alpha = read_alpha(file.metadata);
  std::map<std::string, Parts> parts = read_parts(file);
  const TensorNaming naming(NameScheme::gguf);
  LoraAdapter adapter;
  adapter.config.alpha = alpha;
  adapter.config.rank = 0;
  for (const LoraTarget& target : adaptable(base.config())) {
    const auto found = parts.find(naming.name(target.name));
    if (found == parts.end()) continue;
    const Parts& of = found->second;
    if (!of.a || !of.b) fail(fmt::format("tensor {}{} is missing", found->first, of.a ? kB : kA));
    LoraModule module = read_module(target, of, base.config());
    // Without an alpha readers take the product as it is.
    if (alpha != 0) module.scale = alpha / static_cast<float>(module.rank);
    adapter.config.rank = std::max(adapter.config.rank, module.rank);
    adapter.modules.push_back(std::move(module));
    parts.erase(found);
  }
  if (!parts.empty()) {
    fail(fmt::format("tensor {} adapts nothing of the base", base::escaped(parts.begin()->first)));
  }
  if (adapter.modules.empty()) fail("no tensors: this adapter changes nothing");
  if (alpha == 0) adapter.config.alpha = adapter.config.rank;
  adapter.config.targets = target_names(adapter, base.config());
  return adapter;
}

GgufAdapter gguf_adapter(const LoraAdapter& adapter, const Model& base) {
  const ModelConfig& config = base.config();
  check_sayable(adapter, config);
  const float alpha = common_alpha(adapter);
  GgufAdapter result;
  result.keys.set("general.type", "adapter");
  result.keys.set("general.architecture", config.family);
  result.keys.set("adapter.type", "lora");
  result.keys.set_f32(kAlpha, alpha);
  if (!config.name.empty()) result.keys.set("general.base_model.0.name", config.name);
  const TensorNaming naming(NameScheme::gguf);
  for (const LoraModule& module : adapter.modules) {
    const int64_t rank = module.rank;
    std::vector<float> a = module.a, b = module.b;
    const auto in = static_cast<int64_t>(a.size()) / rank;
    const auto out = static_cast<int64_t>(b.size()) / rank;
    if (!says(alpha, module)) {
      fold(static_cast<double>(module.scale) * module.rank / alpha, module.target, b);
      result.folded.push_back(module_name(module.target));
    }
    if (moves_rows(config, module.target))
      interleave_rows(b, head_dim(config, module.target), rank);
    const bool embedded = module.target.role == TensorRole::embedding;
    if (embedded) a = transposed(a, in);
    const std::string name = naming.name(module.target);
    add_tensor(name + std::string(kA), embedded ? std::vector{in, rank} : std::vector{rank, in},
               std::move(a), result.tensors);
    add_tensor(name + std::string(kB), {out, rank}, std::move(b), result.tensors);
  }
  return result;
}

}  // namespace nalar::model
