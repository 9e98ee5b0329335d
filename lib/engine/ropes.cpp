#include "engine/ropes.h"

#include <algorithm>
#include <utility>

namespace nalar::engine {

Ropes::Ropes(const ModelConfig& config, const KernelSet& kernels) {
  DistinctRopes distinct = distinct_ropes(config);
  for (const RopeSpec& spec : distinct.specs) ropes_.emplace_back(spec, kernels);
  of_layer_ = std::move(distinct.of_layer);
}

void Ropes::tabulate(const Worker& w) const {
  const base::Range own = w.share(w.pass.n_rows, 1);
  for (const Part& part : w.pass.parts) {
    for (int64_t t = std::max(own.begin, part.row); t < std::min(own.end, part.row + part.n_rows);
         ++t) {
      const auto position = static_cast<int32_t>(part.position + (t - part.row));
      for (int i = 0; i < static_cast<int>(ropes_.size()); ++i) {
        float* const table = w.pass.activations.rope(i, t);
        const Rope& rope = (*this)[i];
        rope.tabulate(position, table, table + rope.half());
      }
    }
  }
}

}  // namespace nalar::engine
