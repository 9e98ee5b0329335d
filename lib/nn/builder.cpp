#include "nn/builder.h"

#include <ATen/ops/empty.h>
#include <nalar/error.h>

#include <algorithm>

#include "nn/dequantize.h"

namespace nalar::nn {
namespace {

std::string canonical(model::TensorName tensor) {
  return model::TensorNaming(model::NameScheme::canonical).name(tensor);
}

void fill_from(std::span<const float> source, std::span<float> out, const std::string& name) {
  if (source.size() != out.size()) {
    throw Error(ErrorKind::usage, name + ": got " + std::to_string(source.size()) +
                                      " values, need " + std::to_string(out.size()));
  }
  std::copy(source.begin(), source.end(), out.begin());
}

}  // namespace

const Trained* Builder::whole(model::TensorName tensor, const TensorView& view) {
  if (view.bytes.data() == nullptr) return nullptr;
  const std::string name = canonical(tensor);
  if (!options_.adapter) {
    return parameters_.add(name, view.shape, [&](std::span<float> out) { read_all(view, out); });
  }
  const model::SavedTensor* const saved = options_.adapter->find_saved(tensor);
  if (saved == nullptr) return nullptr;
  return parameters_.add(name, view.shape,
                         [&](std::span<float> out) { fill_from(saved->values, out, name); });
}

std::optional<Lora> Builder::lora(model::TensorName tensor, const TensorView& view) {
  const model::LoraModule* const module =
      options_.adapter ? options_.adapter->find(tensor) : nullptr;
  if (module == nullptr) return {};
  const bool transposed = tensor.role == model::TensorRole::embedding;
  const int64_t in = transposed ? view.rows() : view.columns();
  const int64_t out = transposed ? view.columns() : view.rows();
  std::string name = canonical(tensor);
  name.resize(name.rfind('.'));  // without ".weight"
  const auto add = [&](const char* which, std::vector<int64_t> shape,
                       const std::vector<float>& start) {
    return parameters_.add(name + which, std::move(shape), [&](std::span<float> values) {
      fill_from(start, values, name + which);
    });
  };
  Lora lora;
  lora.a = add(".lora_A", {module->rank, in}, module->a);
  lora.b = add(".lora_B", {out, module->rank}, module->b);
  lora.scale = static_cast<double>(module->scale);
  lora.rank = module->rank;
  lora.dropout = options_.adapter->config.dropout;
  lora.module = static_cast<uint64_t>(tensor.layer + 1) << 8 | static_cast<uint64_t>(tensor.role);
  return lora;
}

Matrix Builder::matrix(model::TensorName tensor, const TensorView& view) {
  Matrix matrix{view, whole(tensor, view), {}};
  if (matrix.trained == nullptr) weight_bytes_ += ops_.place(matrix);
  return matrix;
}

at::Tensor Builder::vector(const TensorView& view) {
  if (ops_.device.is_meta()) return at::empty(view.shape, at::TensorOptions().device(at::kMeta));
  const at::Tensor host = at::empty(view.shape, at::kFloat);
  read_all(view, {host.data_ptr<float>(), static_cast<size_t>(host.numel())});
  return host.to(ops_.device, ops_.wide);
}

Linear Builder::linear(model::TensorName weight, const TensorView& view, model::TensorName bias,
                       const TensorView& bias_view) {
  const Matrix w = matrix(weight, view);
  const std::optional<Lora> adapter = lora(weight, view);
  if (bias_view.bytes.data() == nullptr) return Linear(w, {}, adapter);
  const Trained* const trained = whole(bias, bias_view);
  if (trained != nullptr) return Linear(w, *trained, adapter);
  return Linear(w, {vector(bias_view), {}}, adapter);
}

Norm Builder::norm(const std::optional<NormSpec>& spec, model::TensorName weight,
                   const TensorView& view) {
  if (!spec) return {};
  const Trained* const trained = whole(weight, view);
  if (trained != nullptr) return Norm(*spec, *trained);
  return Norm(*spec, {vector(view), {}});
}

Embedding Builder::embedding() {
  const TensorView& view = model_.weights().embedding;
  trained_embedding_ = whole({model::TensorRole::embedding}, view);
  return Embedding(view, trained_embedding_, lora({model::TensorRole::embedding}, view),
                   static_cast<double>(model_.config().embedding_scale));
}

// A tied head is the embedding's matrix, trained with it where the whole model is.
Linear Builder::head() {
  const TensorView& view = model_.weights().head;
  const model::TensorName name{model::TensorRole::head};
  if (model_.config().tied_head && !options_.adapter) {
    return Linear(Matrix{view, trained_embedding_, {}}, {}, {});
  }
  return linear(name, view);
}

}  // namespace nalar::nn
