#include "nn/dropout.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "base/rng.h"

namespace nalar::nn {

void draw_mask(const Pass& pass, uint64_t module, double p, const at::Tensor& mask) {
  const auto words = base::philox(pass.dropout->seed, pass.dropout->update, module);
  const uint64_t key = uint64_t{words[0]} << 32 | words[1];
  const auto limit = static_cast<uint64_t>(p * 0x1p32);  // words below it are dropped
  const auto kept = static_cast<float>(1 / (1 - p));
  const bool direct = mask.is_cpu() && mask.scalar_type() == at::kFloat;
  const at::Tensor host = direct ? mask : at::empty(mask.sizes(), at::kFloat);
  float* const values = host.data_ptr<float>();
  const int64_t columns = mask.size(1);
  pass.ops.parallel(mask.size(0), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const auto at = static_cast<size_t>(t);
      const auto document = static_cast<uint64_t>(pass.origins.keys[at]);
      const auto row = static_cast<uint64_t>(pass.origins.positions[at]) << 32;
      float* const out = values + t * columns;
      for (int64_t c = 0; c < columns; c += 4) {
        const auto random = base::philox(key, document, row | static_cast<uint64_t>(c / 4));
        const int64_t n = std::min<int64_t>(4, columns - c);
        for (int64_t i = 0; i < n; ++i)
          out[c + i] = random[static_cast<size_t>(i)] < limit ? 0 : kept;
      }
    }
  });
  if (!direct) mask.copy_(host);
}

}  // namespace nalar::nn
