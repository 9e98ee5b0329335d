#include "quant/mix.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <string_view>
#include <utility>

#include "base/utf8.h"
#include "eval/python_regex.h"
#include "quant/encode.h"

namespace nalar {
namespace {

struct MixEntry {
  Mix mix;
  std::string_view name;
  DType main;
  uint32_t file_type;
};

constexpr std::array kMixes = {
    MixEntry{Mix::f32, "F32", DType::f32, 0},
    MixEntry{Mix::f16, "F16", DType::f16, 1},
    MixEntry{Mix::bf16, "BF16", DType::bf16, 32},
    MixEntry{Mix::q8_0, "Q8_0", DType::q8_0, 7},
    MixEntry{Mix::q4_0, "Q4_0", DType::q4_0, 2},
    MixEntry{Mix::q4_1, "Q4_1", DType::q4_1, 3},
    MixEntry{Mix::q5_0, "Q5_0", DType::q5_0, 8},
    MixEntry{Mix::q5_1, "Q5_1", DType::q5_1, 9},
    MixEntry{Mix::q2_k, "Q2_K", DType::q2_k, 10},
    MixEntry{Mix::q3_k_s, "Q3_K_S", DType::q3_k, 11},
    MixEntry{Mix::q3_k_m, "Q3_K_M", DType::q3_k, 12},
    MixEntry{Mix::q3_k_l, "Q3_K_L", DType::q3_k, 13},
    MixEntry{Mix::q4_k_s, "Q4_K_S", DType::q4_k, 14},
    MixEntry{Mix::q4_k_m, "Q4_K_M", DType::q4_k, 15},
    MixEntry{Mix::q5_k_s, "Q5_K_S", DType::q5_k, 16},
    MixEntry{Mix::q5_k_m, "Q5_K_M", DType::q5_k, 17},
    MixEntry{Mix::q6_k, "Q6_K", DType::q6_k, 18},
    MixEntry{Mix::iq4_nl, "IQ4_NL", DType::iq4_nl, 25},
    MixEntry{Mix::iq4_xs, "IQ4_XS", DType::iq4_xs, 30},
};

constexpr bool in_order() {
  for (size_t i = 0; i < kMixes.size(); ++i) {
    if (static_cast<size_t>(kMixes[i].mix) != i) return false;
  }
  return true;
}
static_assert(in_order(), "the table is indexed by Mix");

const MixEntry& entry(Mix mix) { return kMixes[static_cast<size_t>(mix)]; }

bool same_word(std::string_view a, std::string_view b) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return upper(x) == upper(y); });
}

}  // namespace

std::string_view name(Mix mix) noexcept { return entry(mix).name; }

std::optional<Mix> parse_mix(std::string_view name) {
  for (const MixEntry& mix : kMixes) {
    if (same_word(mix.name, name)) return mix.mix;
  }
  return std::nullopt;
}

std::optional<DType> parse_weight_type(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(DType::iq4_xs); ++i) {
    const auto type = static_cast<DType>(i);
    if (is_weight_type(type) && same_word(nalar::name(type), name)) return type;
  }
  return std::nullopt;
}

namespace quant {
namespace {

enum class Role { embedding, output, v, attention_output, down, other };

// Counts of the tensors of one role on the way through the layers.
struct Place {
  int i = 0;
  int n = 0;
};

Role role_of(std::string_view name) {
  const auto has = [&](std::string_view word) { return name.find(word) != name.npos; };
  if (name == "output.weight") return Role::output;
  if (name == "token_embd.weight") return Role::embedding;
  // Where the three are one matrix, it is treated as its most sensitive part.
  if (has("attn_qkv.weight") || has("attn_v.weight")) return Role::v;
  if (has("attn_output.weight")) return Role::attention_output;
  return has("ffn_down") ? Role::down : Role::other;
}

int layer_of(std::string_view name) {
  int layer = -1;
  if (name.starts_with("blk.")) {
    std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  }
  return layer;
}

// The first and last eighths, and of the rest every third.
bool gets_more_bits(Place at) {
  return at.i < at.n / 8 || at.i >= 7 * at.n / 8 || (at.i - at.n / 8) % 3 == 2;
}

DType type_of_v(Mix mix, const MixModel& model, Place at) {
  const bool few_heads = model.n_heads / std::max(model.n_kv_heads, 1) >= 4;
  DType type = main_type(mix);
  if (mix == Mix::q2_k) type = few_heads ? DType::q4_k : DType::q3_k;
  if (mix == Mix::q3_k_m) type = at.i < 2 ? DType::q5_k : DType::q4_k;
  if (mix == Mix::q3_k_l) type = DType::q5_k;
  if ((mix == Mix::iq4_nl || mix == Mix::iq4_xs) && few_heads) type = DType::q5_k;
  if ((mix == Mix::q4_k_m || mix == Mix::q5_k_m) && gets_more_bits(at)) type = DType::q6_k;
  if (mix == Mix::q4_k_s && at.i < 4) type = DType::q5_k;
  // 70 B: V is an eighth of Q, more bits cost next to nothing.
  const bool is_70b = model.n_layers == 80 &&
                      (model.architecture == "qwen2" ||
                       (model.architecture == "llama" && model.n_heads != model.n_kv_heads));
  if (is_70b && (type == DType::q3_k || type == DType::q4_k)) type = DType::q5_k;
  return type;
}

DType type_of_down(Mix mix, const MixModel& model, Place at) {
  const bool first_eighth = at.i < at.n / 8;
  switch (mix) {
    case Mix::q2_k:
      return DType::q3_k;
    case Mix::q3_k_m:
      return at.i < at.n / 16 ? DType::q5_k : DType::q4_k;
    case Mix::q3_k_l:
      return DType::q5_k;
    case Mix::q4_k_m:
    case Mix::q5_k_m:
      return gets_more_bits(at) ? DType::q6_k : main_type(mix);
    case Mix::q4_k_s:
      return first_eighth ? DType::q5_k : DType::q4_k;
    case Mix::iq4_nl:
    case Mix::iq4_xs:
      return first_eighth && !model.statistics ? DType::q5_k : main_type(mix);
    case Mix::q4_0:
      return first_eighth && model.statistics ? DType::q4_1 : DType::q4_0;
    case Mix::q5_0:
      return first_eighth && model.statistics ? DType::q5_1 : DType::q5_0;
    default:
      return main_type(mix);
  }
}

DType type_of_attention_output(Mix mix) {
  if (mix == Mix::q2_k) return DType::q3_k;
  if (mix == Mix::q3_k_m) return DType::q4_k;
  return mix == Mix::q3_k_l ? DType::q5_k : main_type(mix);
}

DType type_of_output(Mix mix, int64_t columns) {
  const DType main = main_type(mix);
  return main == DType::q8_0 || !fits(main, columns) ? DType::q8_0 : DType::q6_k;
}

// What takes the place of a type that does not fit the rows.
DType fall_back(DType type, int64_t columns) {
  switch (type) {
    case DType::iq4_xs:
      type = DType::iq4_nl;
      break;
    case DType::q2_k:
    case DType::q3_k:
      type = DType::q4_0;
      break;
    case DType::q4_k:
      type = DType::q5_0;
      break;
    case DType::q5_k:
      type = DType::q5_1;
      break;
    case DType::q6_k:
      type = DType::q8_0;
      break;
    default:
      break;
  }
  return fits(type, columns) ? type : DType::f16;
}

// --tensor's patterns, and which of them were of use.
class Overrides {
 public:
  explicit Overrides(const QuantizeOptions& options) {
    for (const auto& [pattern, type] : options.tensors) {
      try {
        rules_.push_back({pattern, eval::PythonRegex(pattern), type, false});
      } catch (const Error& error) {
        throw Error(ErrorKind::usage, fmt::format("--tensor: {}", error.what()));
      }
    }
  }

  std::optional<DType> find(std::string_view name) {
    for (Rule& rule : rules_) {
      if (rule.regex.find_all(name).empty()) continue;
      rule.used = true;
      return rule.type;
    }
    return std::nullopt;
  }

  void finish() const {
    for (const Rule& rule : rules_) {
      if (rule.used) continue;
      throw Error(ErrorKind::usage,
                  fmt::format("--tensor {}: matches no matrix of the model, or only such that an "
                              "earlier option names",
                              base::escaped(rule.pattern)),
                  "nalar inspect --tensors MODEL lists their names");
    }
  }

 private:
  struct Rule {
    std::string pattern;
    eval::PythonRegex regex;
    DType type;
    bool used;
  };
  std::vector<Rule> rules_;
};

// In the order in which llama-quantize counts them: by layer, then by name.
std::vector<size_t> by_layer(const std::vector<MixTensor>& tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(layer_of(tensors[a].name), std::string_view(tensors[a].name)) <
           std::pair(layer_of(tensors[b].name), std::string_view(tensors[b].name));
  });
  return order;
}

int64_t columns_of(const MixTensor& tensor) {
  return tensor.shape.empty() ? 1 : tensor.shape.back();
}

}  // namespace

DType main_type(Mix mix) noexcept { return entry(mix).main; }
uint32_t file_type(Mix mix) noexcept { return entry(mix).file_type; }

Mix mix_of(DType main) noexcept {
  if (main == DType::q3_k) return Mix::q3_k_m;
  if (main == DType::q4_k) return Mix::q4_k_m;
  if (main == DType::q5_k) return Mix::q5_k_m;
  const auto* const at = std::find_if(kMixes.begin(), kMixes.end(),
                                      [&](const MixEntry& mix) { return mix.main == main; });
  return at->mix;
}

bool is_quantizable(const MixTensor& tensor) {
  const std::string_view name = tensor.name;
  const int64_t columns = columns_of(tensor);
  int64_t elements = 1;
  for (const int64_t d : tensor.shape) elements *= d;
  return tensor.known && is_weight_type(tensor.dtype) && tensor.shape.size() >= 2 &&
         elements > columns && name.ends_with("weight") && name.find("_norm.weight") == name.npos;
}

std::vector<MixChoice> choose_types(const QuantizeOptions& options, const MixModel& model,
                                    const std::vector<MixTensor>& tensors) {
  Overrides overrides(options);
  const DType main = main_type(options.mix);
  const bool tied = std::none_of(tensors.begin(), tensors.end(), [](const MixTensor& tensor) {
    return role_of(tensor.name) == Role::output;
  });
  Place v, down;
  down.n = model.n_layers;
  for (const MixTensor& tensor : tensors) v.n += role_of(tensor.name) == Role::v ? 1 : 0;

  const auto named = [&](const MixTensor& tensor, Role role) -> std::optional<DType> {
    if (role == Role::embedding && options.embedding_type) return options.embedding_type;
    if (role == Role::output && options.output_type) return options.output_type;
    const std::optional<DType> by_pattern = overrides.find(tensor.name);
    const bool is_head_too = role == Role::embedding && tied;
    return is_head_too && !by_pattern ? options.output_type : by_pattern;
  };
  const auto by_mix = [&](const MixTensor& tensor, Role role) {
    if (options.pure || !is_quantized(main)) return main;
    if (role == Role::output || (role == Role::embedding && tied)) {
      return type_of_output(options.mix, columns_of(tensor));
    }
    if (role == Role::v) return type_of_v(options.mix, model, v);
    if (role == Role::down) return type_of_down(options.mix, model, down);
    return role == Role::attention_output ? type_of_attention_output(options.mix) : main;
  };

  std::vector<MixChoice> choices(tensors.size());
  for (const size_t i : by_layer(tensors)) {
    const MixTensor& tensor = tensors[i];
    MixChoice& choice = choices[i];
    choice.type = tensor.dtype;
    choice.quantizable = is_quantizable(tensor);
    if (!choice.quantizable) continue;
    const Role role = role_of(tensor.name);
    const int64_t columns = columns_of(tensor);
    if (const std::optional<DType> type = named(tensor, role)) {
      choice.type = *type;
      choice.fixed = true;
      if (!fits(*type, columns)) {
        throw Error(ErrorKind::usage,
                    fmt::format("tensor {}: rows of {} values cannot be {}, whose blocks have {}",
                                base::escaped(tensor.name), columns, nalar::name(*type),
                                block_size(*type).elements));
      }
      continue;  // as there, it does not count as one of its role
    }
    choice.type = by_mix(tensor, role);
    choice.fell_back = !fits(choice.type, columns);
    if (choice.fell_back) choice.type = fall_back(choice.type, columns);
    if (role == Role::v) ++v.i;
    if (role == Role::down) ++down.i;
  }
  overrides.finish();
  return choices;
}

}  // namespace quant
}  // namespace nalar
