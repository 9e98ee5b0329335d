#include "convert/gguf_form.h"

#include <fmt/format.h>
#include <nalar/chat.h>
#include <nalar/error.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "convert/gguf_architecture.h"
#include "convert/gguf_tokenizer.h"
#include "convert/keys_in_memory.h"
#include "convert/model_card.h"
#include "convert/same_model.h"
#include "convert/source_tensors.h"
#include "io/folder_file.h"
#include "io/tensor_file.h"
#include "model/families/family.h"
#include "model/rope_order.h"
#include "model/tensor_names.h"
#include "model/weights.h"

namespace nalar::convert {
namespace {

constexpr std::string_view kFactors = "rope_freqs.weight";

// Names, shapes and types of the tensors to come, for a reader of keys.
class FormFile : public io::TensorFile {
 public:
  explicit FormFile(const std::vector<FormTensor>& tensors) {
    for (const FormTensor& tensor : tensors) {
      views_.push_back(
          {tensor.name, tensor.dtype, tensor.shape, std::as_bytes(std::span(tensor.values))});
    }
  }
  const std::vector<TensorView>& tensors() const override { return views_; }
  const TensorView* find(std::string_view name) const override {
    const auto found = std::find_if(views_.begin(), views_.end(),
                                    [&](const TensorView& view) { return view.name == name; });
    return found == views_.end() ? nullptr : &*found;
  }

 private:
  std::vector<TensorView> views_;
};

// What a reader makes of the keys is the model, or they are not written.
void check_form(const ModelConfig& config, const GgufForm& form) {
  const KeysInMemory keys(form.keys);
  const FormFile tensors(form.tensors);
  model::GgufConfig reader(keys.metadata(), tensors);
  const ModelConfig read = model::family_of_gguf(reader).from_gguf(reader);
  reader.finish();
  const auto field = first_difference(config, read);
  if (!field) return;
  throw Error(ErrorKind::bad_data,
              fmt::format("{}: GGUF's \"{}\" cannot say it", *field, config.family));
}

DType form_type(const TensorView& source, std::optional<DType> dtype) {
  if (source.shape.size() < 2) return DType::f32;
  return dtype.value_or(source.dtype);
}

FormTensor form_tensor(const Model& model, const model::TensorSlot& slot,
                       std::optional<DType> dtype) {
  const ModelConfig& config = model.config();
  FormTensor tensor;
  tensor.name = model::TensorNaming(model::NameScheme::gguf).name(slot.tensor);
  tensor.role = slot.tensor;
  tensor.shape = slot.shape;
  tensor.source = *slot.view;
  tensor.dtype = form_type(*slot.view, dtype);
  if (config.family == "llama" && model::is_turned(slot.tensor.role)) {
    tensor.order = RowOrder::interleaved;
    tensor.head_dim = config.layers[static_cast<size_t>(slot.tensor.layer)].attention.head_dim;
  }
  if (model::is_norm(slot.tensor.role)) tensor.offset = config.final_norm.weight_offset;
  return tensor;
}

void add_tensors(const Model& model, std::optional<DType> dtype, GgufForm& form) {
  Weights weights = model.weights();
  model::for_each_tensor(model.config(), weights, [&](const model::TensorSlot& slot) {
    form.tensors.push_back(form_tensor(model, slot, dtype));
  });
  if (std::vector<float> factors = rope_factors(model.config()); !factors.empty()) {
    if (model.config().family != "llama") {
      throw Error(ErrorKind::bad_data,
                  fmt::format("rope scaling by factors (llama3's): GGUF's \"{}\" cannot say it; "
                              "llama.cpp opens no such file with {}",
                              model.config().family, kFactors));
    }
    FormTensor tensor;
    tensor.name = kFactors;
    tensor.shape = {static_cast<int64_t>(factors.size())};
    tensor.values = std::move(factors);
    form.tensors.push_back(std::move(tensor));
  }
}

void set_sampling(const GenerationDefaults& generation, GgufForm& form) {
  io::GgufKeys& keys = form.keys;
  const auto number = [&](std::string_view key, const std::optional<float>& value) {
    if (value) keys.set_f32(key, *value);
  };
  // Temperature 0 is what GGUF calls greedy.
  const bool greedy = generation.do_sample == false;
  number("general.sampling.temp", greedy ? 0.0f : generation.temperature);
  if (generation.top_k) keys.set_i32("general.sampling.top_k", *generation.top_k);
  number("general.sampling.top_p", generation.top_p);
  number("general.sampling.min_p", generation.min_p);
  number("general.sampling.penalty_repeat", generation.repeat_penalty);
  if (generation.typical_p) form.left_out.emplace_back("typical_p of generation_config.json");
}

// By the type that most of the weights have.
void set_file_type(const std::vector<FormTensor>& tensors, io::GgufKeys& keys) {
  std::map<DType, int64_t> elements;
  for (const FormTensor& tensor : tensors) {
    if (tensor.shape.size() > 1) elements[tensor.dtype] += tensor.rows() * tensor.columns();
  }
  const auto most = std::max_element(elements.begin(), elements.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  constexpr std::pair<DType, uint32_t> kNumbers[] = {
      {DType::f32, 0}, {DType::f16, 1}, {DType::bf16, 32}};
  for (const auto& [type, number] : kNumbers) {
    if (most->first == type) keys.set_u32("general.file_type", number);
  }
}

GgufForm from_hf(const Model& model, std::optional<DType> dtype) {
  GgufForm form;
  const ModelConfig& config = model.config();
  set_architecture(config, form.keys, form.notices);
  form.keys.set("general.type", "model");
  const std::string folder(io::name_of(model.files().path()));
  form.keys.set("general.name", config.name.empty() ? folder : config.name);
  set_card_keys(model.files(), form.keys);
  set_sampling(config.generation, form);
  set_tokenizer(model, form);
  if (const auto chat = open_chat_template(model.files())) {
    form.keys.set("tokenizer.chat_template", chat->source());
  }
  add_tensors(model, dtype, form);
  set_file_type(form.tensors, form.keys);
  for (std::string& what : tensors_left_out(model)) form.left_out.push_back(std::move(what));
  check_form(config, form);
  add_unknown_tensors(model, form.tensors);
  return form;
}

// Of a quantizer, about the values that it wrote.
bool is_about_values(std::string_view key) {
  return key.starts_with("nalar.") || key.starts_with("quantize.imatrix.");
}

GgufForm from_gguf(const Model& model, std::optional<DType> dtype, bool changed) {
  GgufForm form;
  for (const auto& [key, value] : model.files().gguf()->entries()) {
    // Split keys belong to the files, not to the model.
    const bool stale = (dtype || changed) && is_about_values(key);
    if (!key.starts_with("split.") && !stale) form.keys.copy(key, value);
  }
  const model::TensorNaming naming(model::NameScheme::gguf);
  const std::set<std::string_view> unknown = unknown_names(model);
  for (const TensorView& view : model.files().tensors()->tensors()) {
    const bool changes = dtype && is_weight_type(view.dtype) && !unknown.count(view.name);
    FormTensor tensor;
    tensor.name = view.name;
    tensor.role = naming.parse(view.name);
    tensor.shape = view.shape;
    tensor.source = view;
    tensor.dtype = changes ? form_type(view, dtype) : view.dtype;
    form.tensors.push_back(std::move(tensor));
  }
  if (dtype) {
    set_file_type(form.tensors, form.keys);
    form.keys.remove("general.quantization_version");
  }
  return form;
}

}  // namespace

GgufForm gguf_form(const Model& model, std::optional<DType> dtype, bool changed) {
  return model.files().format() == ModelFormat::gguf ? from_gguf(model, dtype, changed)
                                                     : from_hf(model, dtype);
}

}  // namespace nalar::convert
