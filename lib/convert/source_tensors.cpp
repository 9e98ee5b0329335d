#include "convert/source_tensors.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <map>

#include "base/utf8.h"
#include "io/tensor_file.h"
#include "model/weights.h"

namespace nalar::convert {

std::set<std::string_view> unknown_names(const Model& model) {
  std::set<std::string_view> names;
  for (const TensorView& view : model.unknown_tensors()) names.insert(view.name);
  return names;
}

void add_unknown_tensors(const Model& model, std::vector<FormTensor>& tensors) {
  std::set<std::string> taken;
  for (const FormTensor& tensor : tensors) taken.insert(tensor.name);
  for (const TensorView& view : model.unknown_tensors()) {
    FormTensor tensor;
    tensor.name = view.name;
    tensor.shape = view.shape;
    tensor.dtype = view.dtype;
    tensor.source = view;
    if (!taken.insert(tensor.name).second) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("tensor {}: it is not known in a {} model, and another tensor gets "
                              "its name",
                              base::escaped(tensor.name), model.config().family));
    }
    tensors.push_back(std::move(tensor));
  }
}

std::vector<std::string> tensors_left_out(const Model& model) {
  std::set<std::string_view> used = unknown_names(model);
  Weights weights = model.weights();
  model::for_each_tensor(model.config(), weights,
                         [&](const model::TensorSlot& slot) { used.insert(slot.view->name); });
  used.insert("rope_freqs.weight");  // config.json has what it comes to
  // A tied head that is there as well says nothing.
  if (model.config().tied_head) used.insert("lm_head.weight");
  std::map<std::string, int> others;
  for (const TensorView& tensor : model.files().tensors()->tensors()) {
    if (used.count(tensor.name)) continue;
    ++others[base::escaped(tensor.name.substr(0, tensor.name.find('.')))];
  }
  std::vector<std::string> texts;
  for (const auto& [word, n] : others) texts.push_back(fmt::format("{} tensors {}.…", n, word));
  return texts;
}

}  // namespace nalar::convert
