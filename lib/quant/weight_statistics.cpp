#include "quant/weight_statistics.h"

#include <algorithm>
#include <cmath>

#include "kernels/isa.h"
#include "quant/encode_kernels.h"

namespace nalar::quant {

WeightStatistics::WeightStatistics(const Model& model, const Source& source, base::ThreadPool& pool)
    : model_(model), pool_(pool) {
  for (const SourceTensor& tensor : source.tensors) tensors_.emplace(tensor.model_name, &tensor);
  const Weights& weights = model.weights();
  if (model.config().layers.front().attention_post_norm) return;  // gains of another meaning
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    const LayerWeights& w = weights.layers[i];
    for (const TensorView* matrix : {&w.q, &w.k, &w.v}) {
      places_.emplace(matrix->name, Place{Input::attention, i});
    }
    places_.emplace(w.o.name, Place{Input::values, i});
    for (const TensorView* matrix : {&w.gate, &w.up}) {
      places_.emplace(matrix->name, Place{Input::feed_forward, i});
    }
    places_.emplace(w.down.name, Place{Input::gated, i});
  }
  places_.emplace(weights.head.name, Place{Input::head, 0});
}

std::span<const float> WeightStatistics::importance(const std::string& matrix) {
  const auto place = places_.find(matrix);
  importance_.clear();
  if (place == places_.end()) return {};
  const std::vector<double> input = input_of(place->second);
  const double most = *std::max_element(input.begin(), input.end());
  const bool finite =
      std::all_of(input.begin(), input.end(), [](double e) { return std::isfinite(e); });
  if (!finite || !(most > 0)) return {};
  for (const double e : input) importance_.push_back(static_cast<float>(e / most));
  return importance_;
}

std::vector<double> WeightStatistics::input_of(Place place) const {
  const Weights& weights = model_.weights();
  const auto doubles = [](const std::vector<float>& x) {
    return std::vector<double>(x.begin(), x.end());
  };
  if (place.input == Input::head) {
    return doubles(squares(weights.final_norm, weights.head.columns()));
  }
  const LayerWeights& w = weights.layers[place.layer];
  const auto attention = [&] { return squares(w.attention_norm, w.q.columns()); };
  const auto feed_forward = [&] { return squares(w.feed_forward_norm, w.gate.columns()); };
  switch (place.input) {
    case Input::attention:
      return doubles(attention());
    case Input::feed_forward:
      return doubles(feed_forward());
    case Input::values: {
      const AttentionSpec& spec = model_.config().layers[place.layer].attention;
      const std::vector<double> of_values = energies(w.v, attention());
      std::vector<double> out;
      for (int n = 0; n < spec.n_heads; ++n) {
        const auto first = of_values.begin() + n / (spec.n_heads / spec.n_kv_heads) * spec.head_dim;
        out.insert(out.end(), first, first + spec.head_dim);
      }
      return out;
    }
    default: {
      const std::vector<float> g = feed_forward();
      const std::vector<double> up = energies(w.up, g);
      std::vector<double> out = energies(w.gate, g);
      for (size_t c = 0; c < out.size(); ++c) out[c] *= up[c];
      return out;
    }
  }
}

const SourceTensor* WeightStatistics::find(const TensorView& tensor) const {
  const auto at = tensors_.find(tensor.name);
  return at == tensors_.end() ? nullptr : at->second;
}

std::vector<float> WeightStatistics::squares(const TensorView& vector, int64_t columns) const {
  const SourceTensor* const tensor = find(vector);
  std::vector<float> x(static_cast<size_t>(columns), 1);
  if (tensor != nullptr) tensor->read(0, x);
  for (float& v : x) v *= v;
  return x;
}

std::vector<double> WeightStatistics::energies(const TensorView& matrix,
                                               std::span<const float> g) const {
  const SourceTensor& tensor = *find(matrix);
  std::vector<double> out(static_cast<size_t>(tensor.rows()));
  const EncodeKernels& kernels = encode_kernels(kernels::chosen_isa());
  base::run_all(pool_, [&](int thread) {
    std::vector<float> row(g.size());
    const base::Range own = base::share(tensor.rows(), thread, pool_.size());
    for (int64_t r = own.begin; r < own.end; ++r) {
      tensor.read(r, row);
      out[static_cast<size_t>(r)] =
          kernels.errors(row.data(), row.data(), g.data(), tensor.columns()).output;
    }
  });
  return out;
}

}  // namespace nalar::quant
