#include <fmt/format.h>
#include <nalar/json.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "io/file_modes.h"
#include "io/folder_file.h"
#include "io/safetensors_writer.h"
#include "model/lora_peft.h"
#include "model/rope_order.h"

namespace nalar::model {
namespace {

using enum TensorRole;

// The last word of a module's name.
std::string last_word(const std::string& module) { return module.substr(module.rfind('.') + 1); }

// The Linear of a bias, or the tensor itself.
TensorName module_of(TensorName tensor, bool& is_bias) {
  constexpr std::pair<TensorRole, TensorRole> kLinears[] = {
      {q_bias, q},       {k_bias, k},   {v_bias, v},      {o_bias, o},
      {gate_bias, gate}, {up_bias, up}, {down_bias, down}};
  is_bias = true;
  for (const auto& [bias, linear] : kLinears) {
    if (bias == tensor.role) return {linear, tensor.layer};
  }
  is_bias = false;
  return tensor;
}

double with_rank(double alpha, int rank, bool rslora) {
  return alpha / (rslora ? std::sqrt(rank) : rank);
}

// The alpha that makes this scale: a round one where it does.
Json alpha_of(const LoraModule& module, bool rslora) {
  const double alpha =
      static_cast<double>(module.scale) * (rslora ? std::sqrt(module.rank) : module.rank);
  const double round = std::round(alpha);
  if (static_cast<float>(with_rank(round, module.rank, rslora)) == module.scale) {
    return static_cast<int64_t>(round);
  }
  return alpha;
}

Json number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return static_cast<int64_t>(value);
  return value;
}

Json texts(const std::vector<std::string>& list) { return Json::Array(list.begin(), list.end()); }

std::string config_text(const LoraAdapter& adapter, const Model& base) {
  const LoraConfig& config = adapter.config;
  Json ranks = Json::Object(), alphas = Json::Object();
  for (const LoraModule& module : adapter.modules) {
    const std::string name = module_name(module.target);
    if (module.rank != config.rank) ranks.set(name, module.rank);
    if (module.scale != static_cast<float>(with_rank(config.alpha, module.rank, config.rslora))) {
      alphas.set(name, alpha_of(module, config.rslora));
    }
  }
  std::vector<std::string> saved;
  for (const SavedTensor& tensor : adapter.saved) {
    bool is_bias = false;
    const std::string name = module_name(module_of(tensor.target, is_bias));
    if (!is_bias) saved.push_back(name == "lm_head" ? name : name.substr(name.find('.') + 1));
  }
  const std::string& name = base.config().name;
  const Json json =
      Json::Object{{"peft_type", "LORA"},
                   {"task_type", "CAUSAL_LM"},
                   {"base_model_name_or_path",
                    name.empty() ? std::string(io::name_of(base.files().path())) : name},
                   {"inference_mode", true},
                   {"r", config.rank},
                   {"lora_alpha", number(config.alpha)},
                   {"lora_dropout", number(config.dropout)},
                   {"use_rslora", config.rslora},
                   {"target_modules", texts(target_names(adapter, base.config()))},
                   {"rank_pattern", ranks},
                   {"alpha_pattern", alphas},
                   {"modules_to_save", saved.empty() ? Json() : texts(saved)},
                   {"bias", "none"},
                   {"fan_in_fan_out", false},
                   {"init_lora_weights", true}};
  return to_text(json, 2) + "\n";
}

void write_new(io::FileSystem& files, const std::string& path,
               const std::function<void(io::OutputFile&)>& write) {
  const auto file = files.create(path, io::kSharedFile);
  write(*file);
  file->sync();
  file->close();
}

class TensorList {
 public:
  explicit TensorList(const ModelConfig& base) : base_(base) {}

  void add(std::string name, std::vector<int64_t> shape, const std::vector<float>& values) {
    list_.push_back(
        {std::move(name), DType::f32, std::move(shape),
         [&values](io::OutputFile& file) { file.write(std::as_bytes(std::span(values))); }});
  }
  // Rows of `target`, in Hugging Face's order.
  void add_rows(TensorName target, std::string name, std::vector<int64_t> shape,
                const std::vector<float>& values) {
    if (!has_interleaved_rows(base_, target)) return add(std::move(name), std::move(shape), values);
    const int head_dim = base_.layers[static_cast<size_t>(target.layer)].attention.head_dim;
    const int64_t columns = shape.size() == 1 ? 1 : shape.back();
    list_.push_back({std::move(name), DType::f32, std::move(shape),
                     [&values, head_dim, columns](io::OutputFile& file) {
                       std::vector<float> moved = values;
                       uninterleave_rows(moved, head_dim, columns);
                       file.write(std::as_bytes(std::span(moved)));
                     }});
  }
  std::vector<io::TensorToWrite> take() { return std::move(list_); }

 private:
  const ModelConfig& base_;
  std::vector<io::TensorToWrite> list_;
};

}  // namespace

std::vector<std::string> target_names(const LoraAdapter& adapter, const ModelConfig& base) {
  std::vector<std::string> names;
  for (const LoraModule& module : adapter.modules) {
    int n = 0;
    for (const LoraModule& other : adapter.modules) n += other.target.role == module.target.role;
    const std::string full = module_name(module.target);
    const bool all = module.target.layer < 0 || n == base.n_layers();
    const std::string name = all ? last_word(full) : full;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

void write_peft(io::FileSystem& files, const std::string& folder, const LoraAdapter& adapter,
                const Model& base) {
  TensorList tensors(base.config());
  for (const LoraModule& m : adapter.modules) {
    const std::string module = "base_model.model." + module_name(m.target);
    const auto in = static_cast<int64_t>(m.a.size()) / m.rank;
    const auto out = static_cast<int64_t>(m.b.size()) / m.rank;
    const bool embedded = m.target.role == embedding;
    tensors.add(module + (embedded ? ".lora_embedding_A" : ".lora_A.weight"), {m.rank, in}, m.a);
    tensors.add_rows(m.target, module + (embedded ? ".lora_embedding_B" : ".lora_B.weight"),
                     {out, m.rank}, m.b);
  }
  for (const SavedTensor& t : adapter.saved) {
    bool is_bias = false;
    const std::string module = module_name(module_of(t.target, is_bias));
    tensors.add_rows(t.target, "base_model.model." + module + (is_bias ? ".bias" : ".weight"),
                     t.shape, t.values);
  }
  write_new(files, io::join(folder, kPeftWeightsName), [&](io::OutputFile& file) {
    io::write_safetensors(file, tensors.take(), {{"format", "pt"}});
  });
  write_new(files, io::join(folder, kPeftConfigName), [&](io::OutputFile& file) {
    const std::string text = config_text(adapter, base);
    file.write(std::as_bytes(std::span(text)));
  });
}

}  // namespace nalar::model
