#include "convert/hf_form.h"

#include <fmt/format.h>
#include <nalar/chat.h>
#include <nalar/error.h>
#include <nalar/tokenizer.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "base/utf8.h"
#include "convert/hf_config.h"
#include "convert/hf_tokenizer.h"
#include "convert/model_card.h"
#include "convert/source_tensors.h"
#include "io/folder_file.h"
#include "io/gguf_metadata.h"
#include "io/tensor_file.h"
#include "model/rope_order.h"
#include "model/weights.h"

namespace nalar::convert {
namespace {

constexpr std::string_view kConfig = "config.json";
// Of a folder, beside config.json and the weights.
constexpr std::string_view kFiles[] = {"generation_config.json",
                                       "tokenizer.json",
                                       "tokenizer_config.json",
                                       "special_tokens_map.json",
                                       "added_tokens.json",
                                       "tokenizer.model",
                                       "vocab.json",
                                       "merges.txt",
                                       "chat_template.jinja",
                                       "chat_template.json",
                                       "preprocessor_config.json",
                                       "processor_config.json",
                                       "README.md",
                                       "LICENSE"};

// Files of transformers 4 and 5, and the parts of a model that sees, each say it in their words.
void set_type(Json& config, DType dtype) {
  bool said = false;
  for (auto& [key, value] : config.as_object()) {
    if (key == "dtype" || key == "torch_dtype") {
      value = torch_name(dtype);
      said = true;
    } else if (key.ends_with("_config") && value.is_object()) {
      if (value.find("dtype") || value.find("torch_dtype")) set_type(value, dtype);
    }
  }
  if (!said) config.set("torch_dtype", torch_name(dtype));
}

HfForm from_hf(const Model& model, std::optional<DType> dtype) {
  HfForm form;
  const ModelFiles& files = model.files();
  form.config =
      io::in_file(files.path_of(kConfig), [&] { return parse_json(*files.file(kConfig)); });
  if (dtype) set_type(form.config, *dtype);
  for (const std::string_view name : kFiles) {
    if (const auto text = files.file(name)) form.files.emplace_back(name, *text);
  }
  Weights weights = model.weights();
  std::map<std::string_view, model::TensorName> roles;
  model::for_each_tensor(model.config(), weights, [&](const model::TensorSlot& slot) {
    roles.emplace(slot.view->name, slot.tensor);
  });
  const std::set<std::string_view> unknown = unknown_names(model);
  for (const TensorView& view : files.tensors()->tensors()) {
    const bool changes = dtype && is_weight_type(view.dtype) && !unknown.count(view.name);
    // A tied head that is there as well says nothing.
    if (model.config().tied_head && view.name == "lm_head.weight") continue;
    FormTensor tensor;
    tensor.name = view.name;
    tensor.shape = view.shape;
    tensor.source = view;
    const auto role = roles.find(view.name);
    if (role != roles.end()) tensor.role = role->second;
    tensor.dtype = changes ? *dtype : view.dtype;
    form.tensors.push_back(std::move(tensor));
  }
  return form;
}

// The type that most of the weights have.
DType main_type(const Model& model) {
  Weights weights = model.weights();
  std::map<DType, int64_t> elements;
  model::for_each_tensor(model.config(), weights, [&](const model::TensorSlot& slot) {
    if (slot.shape.size() > 1) elements[slot.view->dtype] += slot.view->elements();
  });
  return std::max_element(elements.begin(), elements.end(),
                          [](auto& a, auto& b) { return a.second < b.second; })
      ->first;
}

DType type_for_hf(const Model& model) {
  const DType type = main_type(model);
  if (!is_quantized(type)) return type;
  return model.config().family == "gemma3" ? DType::bf16 : DType::f16;
}

// Gemma's checkpoints hold norms less one.
float norm_offset(const ModelConfig& config) { return config.family == "gemma3" ? -1.0f : 0.0f; }

void add_tensors(const Model& model, DType dtype, HfForm& form) {
  const ModelConfig& config = model.config();
  const bool sandwich = config.layers.front().attention_post_norm.has_value();
  const model::TensorNaming naming(sandwich ? model::NameScheme::hf_sandwich
                                            : model::NameScheme::hf);
  Weights weights = model.weights();
  model::for_each_tensor(config, weights, [&](const model::TensorSlot& slot) {
    FormTensor tensor;
    tensor.name = naming.name(slot.tensor);
    tensor.role = slot.tensor;
    tensor.shape = slot.shape;
    tensor.source = *slot.view;
    tensor.dtype = dtype;
    if (model::has_interleaved_rows(config, slot.tensor)) {
      tensor.order = RowOrder::uninterleaved;
      tensor.head_dim = config.layers[static_cast<size_t>(slot.tensor.layer)].attention.head_dim;
    }
    if (model::is_norm(slot.tensor.role)) tensor.offset = norm_offset(config);
    form.tensors.push_back(std::move(tensor));
  });
}

// What is carried along keeps its type.
void check_types(const std::vector<FormTensor>& tensors) {
  for (const FormTensor& tensor : tensors) {
    if (!is_quantized(tensor.dtype)) continue;
    throw Error(ErrorKind::bad_data, fmt::format("tensor {}: safetensors has no type {}",
                                                 base::escaped(tensor.name), name(tensor.dtype)));
  }
}

// general.* keys and others that no file of a folder has a place for.
void name_left_out(const ModelFiles& files, std::string_view family, HfForm& form) {
  constexpr std::string_view kSaid[] = {"general.architecture", "general.type",
                                        "general.name",         "general.file_type",
                                        "general.alignment",    "general.quantization_version",
                                        "general.license",      "split.",
                                        "general.sampling.",    "tokenizer.",
                                        "general.base_model."};
  for (const auto& entry : files.gguf()->entries()) {
    const std::string_view key = entry.first;
    const bool said = std::any_of(std::begin(kSaid), std::end(kSaid),
                                  [&](std::string_view prefix) { return key.starts_with(prefix); });
    if (said || key.starts_with(fmt::format("{}.", family))) continue;
    form.left_out.push_back(fmt::format("key {}", key));
  }
}

bool has_tokenizer(const ModelFiles& files) {
  const auto model = files.gguf()->string("tokenizer.ggml.model");
  return model && *model != "none";
}

HfForm from_gguf(const Model& model, std::optional<DType> asked) {
  HfForm form;
  const ModelFiles& files = model.files();
  const DType dtype = asked.value_or(type_for_hf(model));
  std::shared_ptr<const Tokenizer> tokenizer;
  if (has_tokenizer(files)) {
    tokenizer = open_tokenizer(files);
    HfTokenizer made = io::in_file(files.path(), [&] { return hf_tokenizer(files, *tokenizer); });
    form.files.emplace_back("tokenizer.json", to_text(made.tokenizer, 2));
    made.config.set("model_max_length", model.config().n_ctx_train);
    form.files.emplace_back("tokenizer_config.json", to_text(made.config, 2));
    if (const auto chat = open_chat_template(files)) {
      form.files.emplace_back("chat_template.jinja", chat->source());
    }
  } else {
    form.notices.emplace_back("the file has no tokenizer, so the folder has none");
  }
  form.config = hf_config(model, dtype, tokenizer.get());
  form.files.emplace_back("generation_config.json",
                          to_text(hf_generation_config(model.config(), tokenizer.get()), 2));
  if (std::string card = card_of_keys(*files.gguf()); !card.empty()) {
    form.files.emplace_back("README.md", std::move(card));
  }
  add_tensors(model, dtype, form);
  add_unknown_tensors(model, form.tensors);
  check_types(form.tensors);
  for (std::string& what : tensors_left_out(model)) form.left_out.push_back(std::move(what));
  name_left_out(files, model.config().family, form);
  return form;
}

}  // namespace

// A model that sees says it once more of its text part.
void untie_head(Json& config) {
  config.set("tie_word_embeddings", false);
  for (auto& [key, value] : config.as_object()) {
    if (key == "text_config" && value.is_object()) value.set("tie_word_embeddings", false);
  }
}

HfForm hf_form(const Model& model, std::optional<DType> dtype) {
  return model.files().format() == ModelFormat::gguf ? from_gguf(model, dtype)
                                                     : from_hf(model, dtype);
}

}  // namespace nalar::convert
