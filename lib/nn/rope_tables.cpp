#include "nn/rope_tables.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <cmath>

#include "engine/rope.h"
#include "model/rope_frequencies.h"

namespace nalar::nn {
namespace {

RopeTable make_table(const RopeSpec& spec, const Ops& ops, int64_t n) {
  const model::RopeFrequencies frequencies = model::rope_frequencies(spec);
  const auto half = static_cast<int64_t>(frequencies.inverse.size());
  const at::Tensor cos = at::empty({n, half}, at::kFloat), sin = at::empty({n, half}, at::kFloat);
  const double factor = static_cast<double>(frequencies.attention_factor);
  for (int64_t p = 0; p < n; ++p) {
    for (int64_t i = 0; i < half; ++i) {
      const double angle =
          static_cast<double>(p) * double{frequencies.inverse[static_cast<size_t>(i)]};
      cos.data_ptr<float>()[p * half + i] = static_cast<float>(std::cos(angle) * factor);
      sin.data_ptr<float>()[p * half + i] = static_cast<float>(std::sin(angle) * factor);
    }
  }
  const auto place = [&](const at::Tensor& t) { return t.to(ops.device, ops.wide); };
  return {spec.style, spec.rope_dim, place(cos), place(sin), place(-sin)};
}

}  // namespace

RopeTables::RopeTables(const ModelConfig& config, const Ops& ops, int64_t n) {
  const engine::DistinctRopes ropes = engine::distinct_ropes(config);
  for (const RopeSpec& spec : ropes.specs) tables_.push_back(make_table(spec, ops, n));
  for (const int i : ropes.of_layer) {
    of_layer_.push_back(i < 0 ? nullptr : &tables_[static_cast<size_t>(i)]);
  }
}

}  // namespace nalar::nn
