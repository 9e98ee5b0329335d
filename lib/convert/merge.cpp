#include "convert/merge.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

#include "model/lora.h"

namespace nalar::convert {
namespace {

using model::TensorName;
using model::TensorRole;

struct Part {
  const model::LoraModule* module;
  float scale;  // alpha / rank and the adapter's own
};

// What the adapters make of one tensor.
struct Change {
  const model::SavedTensor* saved = nullptr;
  std::vector<Part> parts;
  bool empty() const { return !saved && parts.empty(); }
};

[[noreturn]] void fail(const AdapterUse& use, std::string_view what) {
  throw Error(ErrorKind::usage, fmt::format("adapter {}: {}", use.adapter->path(), what));
}

Change change_of(const std::vector<AdapterUse>& adapters, TensorName target) {
  Change change;
  for (const AdapterUse& use : adapters) {
    const model::LoraAdapter& lora = use.adapter->lora();
    if (const model::SavedTensor* saved = lora.find_saved(target)) {
      if (use.scale != 1) {
        fail(use, fmt::format("got scale {}, need 1: it has whole tensors in place of the base's",
                              use.scale));
      }
      if (change.saved) {
        fail(use, fmt::format("replaces {} as another adapter does", model::module_name(target)));
      }
      change.saved = saved;
    }
    if (const model::LoraModule* module = lora.find(target)) {
      change.parts.push_back({module, module->scale * use.scale});
    }
  }
  return change;
}

// row += scale · B[r, :] A, with A [R, in].
void add_row(const Part& part, int64_t r, std::span<float> row) {
  const auto rank = static_cast<size_t>(part.module->rank);
  const float* b = part.module->b.data() + static_cast<size_t>(r) * rank;
  for (size_t k = 0; k < rank; ++k) {
    const float factor = part.scale * b[k];
    const float* a = part.module->a.data() + k * row.size();
    for (size_t i = 0; i < row.size(); ++i) row[i] += factor * a[i];
  }
}

// The row of token t: += scale · B A[:, t], with A [R, V] and B [D, R].
void add_embedding_row(const Part& part, int64_t t, std::span<float> row) {
  const auto rank = static_cast<size_t>(part.module->rank);
  const size_t tokens = part.module->a.size() / rank;
  for (size_t k = 0; k < rank; ++k) {
    const float factor = part.scale * part.module->a[k * tokens + static_cast<size_t>(t)];
    for (size_t i = 0; i < row.size(); ++i) row[i] += factor * part.module->b[i * rank + k];
  }
}

void apply(Change change, FormTensor& tensor) {
  const bool embedding = tensor.role->role == TensorRole::embedding;
  tensor.change = [change = std::move(change), embedding](int64_t r, std::span<float> row) {
    if (change.saved) {
      const auto columns = static_cast<int64_t>(row.size());
      std::copy_n(change.saved->values.begin() + r * columns, columns, row.begin());
    }
    for (const Part& part : change.parts) {
      if (embedding) {
        add_embedding_row(part, r, row);
      } else {
        add_row(part, r, row);
      }
    }
  };
}

void check_type(const FormTensor& tensor, bool allow_requantize) {
  if (!is_quantized(tensor.dtype) || allow_requantize) return;
  throw Error(
      ErrorKind::policy,
      fmt::format("tensor {}: it is {}, and merging into it would quantize it anew", tensor.name,
                  name(tensor.dtype)),
      "--dtype f16 (or --to hf), or --allow-requantize, which loses as much again as quantizing "
      "did");
}

bool changes_any(const std::vector<AdapterUse>& adapters, TensorName target) {
  return !change_of(adapters, target).empty();
}

// The head of a model that is tied, as a tensor of its own.
FormTensor own_head(const std::vector<FormTensor>& tensors, const std::string& head_name) {
  const auto embedding = std::find_if(tensors.begin(), tensors.end(), [](const FormTensor& tensor) {
    return tensor.role && tensor.role->role == TensorRole::embedding;
  });
  FormTensor head = *embedding;
  head.name = head_name;
  head.role = TensorName{TensorRole::head};
  return head;
}

}  // namespace

Merged merge_adapters(const Model& model, const std::vector<AdapterUse>& adapters,
                      const MergeOptions& options, std::vector<FormTensor>& tensors) {
  Merged merged;
  merged.unties_head =
      model.config().tied_head &&
      (changes_any(adapters, {TensorRole::embedding}) || changes_any(adapters, {TensorRole::head}));
  if (merged.unties_head) tensors.push_back(own_head(tensors, options.head_name));
  for (FormTensor& tensor : tensors) {
    if (!tensor.role) continue;
    Change change = change_of(adapters, *tensor.role);
    if (change.empty()) continue;
    check_type(tensor, options.allow_requantize);
    if (is_quantized(tensor.dtype)) ++merged.requantized;
    apply(std::move(change), tensor);
  }
  return merged;
}

}  // namespace nalar::convert
