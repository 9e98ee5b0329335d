#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "base/utf8.h"
#include "model/float_values.h"
#include "model/lora_peft.h"
#include "model/rope_order.h"

namespace nalar::model {
namespace {

using enum TensorRole;

[[noreturn]] void fail(std::string_view tensor, std::string_view what) {
  throw Error(ErrorKind::bad_data, fmt::format("tensor {}{}", base::escaped(tensor), what));
}

enum class Part { a, b, embedding_a, embedding_b, weight, bias, copy };

// How the name of a tensor ends, after its module's: as get_peft_model_state_dict of any version
// writes it, or as it is called in a running model.
struct Ending {
  std::string_view text;
  Part part;
};
constexpr Ending kEndings[] = {
    {".lora_A.weight", Part::a},
    {".lora_B.weight", Part::b},
    {".lora_A.default.weight", Part::a},
    {".lora_B.default.weight", Part::b},
    {".lora_embedding_A", Part::embedding_a},
    {".lora_embedding_B", Part::embedding_b},
    {".lora_embedding_A.default", Part::embedding_a},
    {".lora_embedding_B.default", Part::embedding_b},
    {".modules_to_save.default.weight", Part::weight},
    {".modules_to_save.default.bias", Part::bias},
    {".modules_to_save.weight", Part::weight},
    {".modules_to_save.bias", Part::bias},
    // The base's own weight, which PEFT saves beside an adapted embedding.
    {".base_layer.weight", Part::copy},
    {".original_module.weight", Part::copy},
    {".weight", Part::weight},
    {".bias", Part::bias},
};

// Where the text part of the model stands in the one that was adapted.
constexpr std::string_view kRoots[] = {"model.", "language_model.model.", "model.language_model.",
                                       ""};

struct Found {
  TensorName target;
  Part part;
};

// nullopt for what is no tensor of an adapter, or of a module that no model here has.
std::optional<Found> parse(std::string_view name) {
  constexpr std::string_view kPrefix = "base_model.model.";
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  for (const auto& [ending, part] : kEndings) {
    if (!name.ends_with(ending)) continue;
    const std::string weight = std::string(name.substr(0, name.size() - ending.size())) + ".weight";
    for (const std::string_view root : kRoots) {
      const auto target = TensorNaming(NameScheme::hf, root).parse(weight);
      if (target) return Found{*target, part};
    }
    return std::nullopt;
  }
  return std::nullopt;
}

class Binder {
 public:
  Binder(const PeftConfig& config, const Model& base)
      : config_(config), base_(base.config()), targets_(adaptable(base.config())) {}

  LoraAdapter bind(const io::SafetensorsFile& file) {
    check_targets();
    for (const TensorView& tensor : file.tensors) sort(tensor);
    adapter_.config = config_.lora;
    for (const LoraTarget& target : targets_) bind(target);
    if (adapter_.modules.empty() && adapter_.saved.empty()) {
      throw Error(ErrorKind::bad_data, "holds no tensor of an adapter");
    }
    if (ties_head()) tie_head();
    adapter_.config.targets = target_names(adapter_, base_);
    return std::move(adapter_);
  }

 private:
  using Parts = std::map<Part, const TensorView*>;

  void check_targets() const {
    if (!config_.lora.targets.empty() && config_.lora.targets.front() == "all-linear") return;
    for (const LoraTarget& target : targets_) {
      const std::string module = module_name(target.name);
      for (const std::string& name : config_.lora.targets) {
        if (names_module(name, module)) return;
      }
      for (const ModulePattern& pattern : config_.target_patterns) {
        if (pattern.matches(module)) return;
      }
    }
    throw Error(ErrorKind::bad_data, "key target_modules: no module of the base is one");
  }

  const LoraTarget* find(TensorName name) const {
    for (const LoraTarget& target : targets_) {
      if (target.name == name) return &target;
    }
    return nullptr;
  }

  bool ties_head() const { return config_.ties_head && base_.tied_head; }

  bool is_saved(TensorName name) const {
    if (name.role == head && ties_head() && is_saved({embedding})) return true;
    const std::string module = module_name(name);
    return std::any_of(config_.modules_to_save.begin(), config_.modules_to_save.end(),
                       [&](const std::string& m) { return names_module(m, module); });
  }

  void sort(const TensorView& tensor) {
    const std::optional<Found> found = parse(tensor.name);
    if (!found || find(found->target) == nullptr) {
      fail(tensor.name, " does not fit the base: it has no such matrix, or cannot be adapted so");
    }
    const bool whole = found->part == Part::weight || found->part == Part::bias;
    const bool marked = tensor.name.find(".modules_to_save.") != std::string_view::npos;
    if (whole && !marked && !is_saved(found->target)) {
      fail(tensor.name, " is neither of LoRA nor of a module in modules_to_save");
    }
    if (!parts_[key(found->target)].emplace(found->part, &tensor).second) {
      fail(tensor.name, " is there twice, under two spellings");
    }
  }

  static std::pair<int, int> key(TensorName name) {
    return {static_cast<int>(name.role), name.layer};
  }

  void bind(const LoraTarget& target) {
    const Parts parts = parts_[key(target.name)];
    const auto get = [&](Part part) {
      const auto it = parts.find(part);
      return it == parts.end() ? nullptr : it->second;
    };
    const bool is_embedding = target.name.role == embedding;
    for (const Part other : is_embedding ? std::array{Part::a, Part::b}
                                         : std::array{Part::embedding_a, Part::embedding_b}) {
      if (get(other)) fail(get(other)->name, " does not fit the base: the other kind of module");
    }
    bind_lora(target, get(is_embedding ? Part::embedding_a : Part::a),
              get(is_embedding ? Part::embedding_b : Part::b));
    bind_saved(target, get(Part::weight), get(Part::bias));
  }

  void bind_lora(const LoraTarget& target, const TensorView* a, const TensorView* b) {
    if (a == nullptr && b == nullptr) return;
    const std::string module = module_name(target.name);
    if (a == nullptr) fail(b->name, " has no lora_A beside it");
    if (b == nullptr) fail(a->name, " has no lora_B beside it");
    LoraModule lora{target.name, rank_of(module), 0, {}, {}};
    check_shape(*a, {lora.rank, target.in});
    check_shape(*b, {target.out, lora.rank});
    const double alpha = alpha_of(module);
    lora.scale =
        static_cast<float>(alpha / (config_.lora.rslora ? std::sqrt(lora.rank) : lora.rank));
    lora.a = float_values(*a);
    lora.b = rows(target.name, *b);
    adapter_.modules.push_back(std::move(lora));
  }

  void bind_saved(const LoraTarget& target, const TensorView* weight, const TensorView* bias) {
    if (weight == nullptr) {
      if (bias != nullptr) fail(bias->name, " has no weight beside it");
      const bool tied = target.name.role == head && ties_head();
      if (is_saved(target.name) && !tied) {
        fail(module_name(target.name) + ".weight", " of modules_to_save is missing");
      }
      return;
    }
    const bool is_embedding = target.name.role == embedding;
    std::vector<int64_t> shape = {target.out, target.in};
    if (is_embedding) std::swap(shape[0], shape[1]);
    save(target.name, *weight, std::move(shape));
    if (bias == nullptr) return;
    const auto bias_name = bias_of(target.name);
    if (!bias_name || !base_has_bias(target.name))
      fail(bias->name, " does not fit the base: no bias there");
    save(*bias_name, *bias, {target.out});
  }

  bool base_has_bias(TensorName linear) const {
    const LayerSpec& layer = base_.layers[static_cast<size_t>(linear.layer)];
    if (linear.role == o) return layer.attention.out_bias;
    const bool attention = linear.role == q || linear.role == k || linear.role == v;
    return attention ? layer.attention.qkv_bias : layer.feed_forward.bias;
  }

  void save(TensorName name, const TensorView& tensor, std::vector<int64_t> shape) {
    check_shape(tensor, shape);
    adapter_.saved.push_back({name, std::move(shape), rows(name, tensor)});
  }

  static void check_shape(const TensorView& tensor, const std::vector<int64_t>& shape) {
    if (tensor.shape == shape) return;
    fail(tensor.name, fmt::format(" does not fit the base: got shape {}, need {}",
                                  shape_text(tensor.shape), shape_text(shape)));
  }

  // Values, in the order of the base's rows.
  std::vector<float> rows(TensorName name, const TensorView& tensor) const {
    std::vector<float> values = float_values(tensor);
    if (has_interleaved_rows(base_, name)) {
      const int head_dim = base_.layers[static_cast<size_t>(name.layer)].attention.head_dim;
      interleave_rows(values, head_dim, tensor.shape.size() == 1 ? 1 : tensor.columns());
    }
    return values;
  }

  int rank_of(const std::string& module) const {
    for (const auto& [pattern, rank] : config_.ranks) {
      if (pattern.matches(module)) return rank;
    }
    return config_.lora.rank;
  }
  double alpha_of(const std::string& module) const {
    for (const auto& [pattern, alpha] : config_.alphas) {
      if (pattern.matches(module)) return alpha;
    }
    return config_.lora.alpha;
  }

  // The head is the embedding transposed, and so is what is added to it.
  void tie_head();

  const PeftConfig& config_;
  const ModelConfig& base_;
  const std::vector<LoraTarget> targets_;
  std::map<std::pair<int, int>, Parts> parts_;
  LoraAdapter adapter_;
};

void Binder::tie_head() {
  const LoraModule* embedded = adapter_.find({embedding});
  if (embedded != nullptr && adapter_.find({head}) == nullptr) {
    LoraModule tied{{head}, embedded->rank, embedded->scale, {}, {}};
    tied.a = transposed(embedded->b, embedded->rank);
    tied.b = transposed(embedded->a, base_.vocab_size);
    adapter_.modules.push_back(std::move(tied));
  }
  const SavedTensor* saved = adapter_.find_saved({embedding});
  if (saved != nullptr && adapter_.find_saved({head}) == nullptr) {
    adapter_.saved.push_back({{head}, saved->shape, saved->values});
  }
}

}  // namespace

LoraAdapter bind_peft(const PeftConfig& config, const io::SafetensorsFile& file,
                      const Model& base) {
  return Binder(config, base).bind(file);
}

}  // namespace nalar::model
