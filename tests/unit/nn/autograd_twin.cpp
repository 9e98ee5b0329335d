#include "autograd_twin.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "model/rope_frequencies.h"
#include "nn/dequantize.h"
#include "nn/dropout.h"

namespace nalar::nn::test {
namespace {

using model::TensorRole;

std::string canonical(model::TensorName name) {
  return model::TensorNaming(model::NameScheme::canonical).name(name);
}

at::Tensor indices(const std::vector<int32_t>& values) {
  return at::from_blob(const_cast<int32_t*>(values.data()), {static_cast<int64_t>(values.size())},
                       at::kInt)
      .to(at::kLong);
}

TensorRole bias_of(TensorRole role) {
  switch (role) {
    case TensorRole::q:
      return TensorRole::q_bias;
    case TensorRole::k:
      return TensorRole::k_bias;
    case TensorRole::v:
      return TensorRole::v_bias;
    case TensorRole::o:
      return TensorRole::o_bias;
    case TensorRole::gate:
      return TensorRole::gate_bias;
    case TensorRole::up:
      return TensorRole::up_bias;
    default:
      return TensorRole::down_bias;
  }
}

const TensorView& bias_of(const LayerWeights& w, TensorRole role) {
  switch (role) {
    case TensorRole::q:
      return w.q_bias;
    case TensorRole::k:
      return w.k_bias;
    case TensorRole::v:
      return w.v_bias;
    case TensorRole::o:
      return w.o_bias;
    case TensorRole::gate:
      return w.gate_bias;
    case TensorRole::up:
      return w.up_bias;
    default:
      return w.down_bias;
  }
}

at::Tensor softcapped(const at::Tensor& x, float cap) {
  if (cap == 0) return x;
  return at::tanh(x / static_cast<double>(cap)) * static_cast<double>(cap);
}

}  // namespace

AutogradTwin::AutogradTwin(const Model& model, const TrainableOptions& options,
                           std::span<const train::Parameter> parameters)
    : model_(model), options_(options), ops_(make_aten_ops(at::kCPU, at::kDouble, 1)) {
  for (const train::Parameter& p : parameters) {
    const at::Tensor value = at::from_blob(p.value.data(), p.shape, at::kFloat).to(at::kDouble);
    leaves_[p.name] = value.set_requires_grad(true);
  }
}

at::Tensor AutogradTwin::tensor(model::TensorName name, const TensorView& view) const {
  if (const auto it = leaves_.find(canonical(name)); it != leaves_.end()) return it->second;
  const at::Tensor values = at::empty(view.shape, at::kFloat);
  read_all(view, {values.data_ptr<float>(), static_cast<size_t>(values.numel())});
  return values.to(at::kDouble);
}

at::Tensor AutogradTwin::linear(const at::Tensor& x, model::TensorName name,
                                const TensorView& view) const {
  at::Tensor y = at::matmul(x, tensor(name, view).t());
  if (name.layer >= 0) {
    const TensorView& bias =
        bias_of(model_.weights().layers[static_cast<size_t>(name.layer)], name.role);
    if (bias.bytes.data() != nullptr) y = y + tensor({bias_of(name.role), name.layer}, bias);
  }
  const model::LoraModule* const module = options_.adapter ? options_.adapter->find(name) : nullptr;
  if (module == nullptr) return y;
  std::vector<int64_t> keys;
  std::vector<int32_t> positions;
  for (const int32_t r : rows_) {
    keys.push_back(keys_[static_cast<size_t>(r)]);
    positions.push_back(positions_[static_cast<size_t>(r)]);
  }
  at::Tensor mask = at::ones(x.sizes(), at::kDouble);
  const Scratch scratch;
  const Pass pass{*ops_, scratch, {}, {keys, positions}, DropoutSeed{options_.seed, update_}};
  const double p = options_.adapter->config.dropout;
  const auto stream = static_cast<uint64_t>(name.layer + 1) << 8 | static_cast<uint64_t>(name.role);
  if (p > 0) draw_mask(pass, stream, p, mask);
  std::string stem = canonical(name);
  stem.resize(stem.rfind('.'));
  const at::Tensor a = leaves_.at(stem + ".lora_A"), b = leaves_.at(stem + ".lora_B");
  return y + at::matmul(at::matmul(x * mask, a.t()), b.t()) * static_cast<double>(module->scale);
}

at::Tensor AutogradTwin::norm(const at::Tensor& x, const std::optional<NormSpec>& spec,
                              model::TensorName name, const TensorView& view) const {
  if (!spec) return x;
  const at::Tensor w = tensor(name, view) + static_cast<double>(spec->weight_offset);
  return x / ((x * x).mean(-1, true) + static_cast<double>(spec->eps)).sqrt() * w;
}

// x [T, heads, H]
at::Tensor AutogradTwin::rope(const at::Tensor& x, const AttentionSpec& spec) const {
  if (!spec.rope) return x;
  const model::RopeFrequencies f = model::rope_frequencies(*spec.rope);
  const auto rows = static_cast<int64_t>(positions_.size());
  const auto half = static_cast<int64_t>(f.inverse.size());
  const at::Tensor cos = at::empty({rows, 1, half}, at::kDouble),
                   sin = at::empty({rows, 1, half}, at::kDouble);
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t i = 0; i < half; ++i) {
      const double angle = positions_[static_cast<size_t>(t)] *
                           static_cast<double>(f.inverse[static_cast<size_t>(i)]);
      const auto factor = static_cast<double>(f.attention_factor);
      cos[t][0][i] = static_cast<double>(static_cast<float>(std::cos(angle) * factor));
      sin[t][0][i] = static_cast<double>(static_cast<float>(std::sin(angle) * factor));
    }
  }
  const at::Tensor rest = x.slice(2, 2 * half);
  if (spec.rope->style == RopeStyle::half) {
    const at::Tensor a = x.slice(2, 0, half), b = x.slice(2, half, 2 * half);
    return at::cat({a * cos - b * sin, b * cos + a * sin, rest}, 2);
  }
  const at::Tensor a = x.slice(2, 0, 2 * half, 2), b = x.slice(2, 1, 2 * half, 2);
  return at::cat({at::stack({a * cos - b * sin, b * cos + a * sin}, 3).flatten(2), rest}, 2);
}

at::Tensor AutogradTwin::attention(const at::Tensor& x, int layer) const {
  const AttentionSpec& spec = model_.config().layers[static_cast<size_t>(layer)].attention;
  const LayerWeights& w = model_.weights().layers[static_cast<size_t>(layer)];
  const int64_t rows = x.size(0);
  const auto heads = [&](const at::Tensor& y) { return y.view({rows, -1, spec.head_dim}); };
  at::Tensor q = heads(linear(x, {TensorRole::q, layer}, w.q));
  at::Tensor k = heads(linear(x, {TensorRole::k, layer}, w.k));
  at::Tensor v = heads(linear(x, {TensorRole::v, layer}, w.v));
  q = rope(norm(q, spec.qk_norm, {TensorRole::q_norm, layer}, w.q_norm), spec);
  k = rope(norm(k, spec.qk_norm, {TensorRole::k_norm, layer}, w.k_norm), spec);
  const int64_t group = spec.n_heads / spec.n_kv_heads;
  k = k.repeat_interleave(group, 1);
  v = v.repeat_interleave(group, 1);
  at::Tensor hidden = at::ones({rows, rows}, at::kBool);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      const bool same = documents_[static_cast<size_t>(i)] == documents_[static_cast<size_t>(j)];
      if (same && (spec.window == 0 || j > i - spec.window)) hidden[i][j] = false;
    }
  }
  const at::Tensor scores = softcapped(
      at::matmul(q.transpose(0, 1), k.permute({1, 2, 0})) * static_cast<double>(spec.scale),
      spec.softcap);
  const at::Tensor p =
      at::softmax(scores.masked_fill(hidden, -std::numeric_limits<double>::infinity()), 2);
  const at::Tensor attended = at::matmul(p, v.transpose(0, 1)).transpose(0, 1).reshape({rows, -1});
  return linear(attended, {TensorRole::o, layer}, w.o);
}

at::Tensor AutogradTwin::feed_forward(const at::Tensor& x, int layer) const {
  const LayerWeights& w = model_.weights().layers[static_cast<size_t>(layer)];
  const at::Tensor gate = linear(x, {TensorRole::gate, layer}, w.gate);
  const at::Tensor up = linear(x, {TensorRole::up, layer}, w.up);
  const Activation act = model_.config().layers[static_cast<size_t>(layer)].feed_forward.activation;
  const at::Tensor on = act == Activation::silu
                            ? at::silu(gate)
                            : at::gelu(gate, act == Activation::gelu ? "none" : "tanh");
  return linear(on * up, {TensorRole::down, layer}, w.down);
}

at::Tensor AutogradTwin::embed(const Batch& batch) const {
  const model::TensorName name{TensorRole::embedding};
  const at::Tensor ids = indices(batch.ids);
  at::Tensor x = tensor(name, model_.weights().embedding).index_select(0, ids);
  if (const auto* module = options_.adapter ? options_.adapter->find(name) : nullptr) {
    const at::Tensor a = leaves_.at("embedding.lora_A"), b = leaves_.at("embedding.lora_B");
    x = x + at::matmul(a.index_select(1, ids).t(), b.t()) * static_cast<double>(module->scale);
  }
  return x * static_cast<double>(model_.config().embedding_scale);
}

double AutogradTwin::run(const Batch& batch, uint64_t update) {
  update_ = update;
  keys_.clear(), positions_.clear(), documents_.clear();
  for (size_t d = 0; d + 1 < batch.documents.size(); ++d) {
    for (int32_t t = batch.documents[d]; t < batch.documents[d + 1]; ++t) {
      keys_.push_back(batch.keys[d]);
      positions_.push_back(t - batch.documents[d]);
      documents_.push_back(static_cast<int32_t>(d));
    }
  }
  rows_.resize(keys_.size());
  std::iota(rows_.begin(), rows_.end(), 0);
  at::Tensor x = embed(batch);
  for (int i = 0; i < model_.config().n_layers(); ++i) {
    const LayerSpec& spec = model_.config().layers[static_cast<size_t>(i)];
    const LayerWeights& w = model_.weights().layers[static_cast<size_t>(i)];
    const auto normed = [&](const at::Tensor& y, const std::optional<NormSpec>& n, TensorRole role,
                            const TensorView& view) {
      return norm(y, n, {role, i}, view);
    };
    at::Tensor y =
        attention(normed(x, spec.attention_norm, TensorRole::attention_norm, w.attention_norm), i);
    x = x +
        normed(y, spec.attention_post_norm, TensorRole::attention_post_norm, w.attention_post_norm);
    y = feed_forward(
        normed(x, spec.feed_forward_norm, TensorRole::feed_forward_norm, w.feed_forward_norm), i);
    x = x + normed(y, spec.feed_forward_post_norm, TensorRole::feed_forward_post_norm,
                   w.feed_forward_post_norm);
  }
  rows_ = batch.learned;
  x = norm(x.index_select(0, indices(batch.learned)), model_.config().final_norm,
           {TensorRole::final_norm}, model_.weights().final_norm);
  const bool tied = model_.config().tied_head && !options_.adapter;
  const at::Tensor logits = softcapped(tied ? at::matmul(x, leaves_.at("embedding.weight").t())
                                            : linear(x, {TensorRole::head}, model_.weights().head),
                                       model_.config().final_softcap);
  const at::Tensor picked = logits.gather(1, indices(batch.labels).unsqueeze(1)).squeeze(1);
  const at::Tensor loss = (at::logsumexp(logits, {1}) - picked).sum();
  loss.backward();
  return loss.item<double>();
}

}  // namespace nalar::nn::test
