#include "nn/kv_tensors.h"

#include <ATen/ops/empty.h>

#include <algorithm>

namespace nalar::nn {
namespace {

constexpr int kFirst = 64;  // positions that are taken at least

}  // namespace

KvTensors KvTensors::fork(int n_tokens) const {
  KvTensors child = *this;
  child.length_ = n_tokens;
  return child;
}

void KvTensors::grow(int n) {
  const int needed = length_ + n;
  const int capacity = held_ ? held_->capacity : 0;
  if (n == 0 || (needed <= capacity && held_.use_count() == 1)) return;
  auto held = std::make_shared<Held>();
  held->capacity = needed <= capacity
                       ? capacity
                       : std::max(needed, std::min(limit_, std::max(kFirst, 2 * capacity)));
  for (size_t i = 0; i < config_->layers.size(); ++i) {
    const AttentionSpec& a = config_->layers[i].attention;
    const std::vector<int64_t> shape = {held->capacity, int64_t{a.n_kv_heads} * a.head_dim};
    const KeyValues fresh{at::empty(shape, options_), at::empty(shape, options_)};
    if (length_ > 0) {
      fresh.k.narrow(0, 0, length_).copy_(layer(i).k.narrow(0, 0, length_));
      fresh.v.narrow(0, 0, length_).copy_(layer(i).v.narrow(0, 0, length_));
    }
    held->layers.push_back(fresh);
  }
  held_ = std::move(held);
}

int64_t KvTensors::bytes() const {
  int64_t bytes = 0;
  for (size_t i = 0; held_ && i < held_->layers.size(); ++i) {
    bytes += static_cast<int64_t>(layer(i).k.nbytes() + layer(i).v.nbytes());
  }
  return bytes;
}

}  // namespace nalar::nn
