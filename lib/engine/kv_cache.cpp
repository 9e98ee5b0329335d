#include "engine/kv_cache.h"

#include <algorithm>
#include <cstring>

namespace nalar::engine {
namespace {

size_t blocks_for(int tokens) {
  return (static_cast<size_t>(tokens) + kernels::kKvPage - 1) / kernels::kKvPage;
}

}  // namespace

KvLayout::KvLayout(const ModelConfig& config, kernels::KvType type) : type_(type) {
  for (const LayerSpec& layer : config.layers) {
    const AttentionSpec& a = layer.attention;
    const size_t page = static_cast<size_t>(kernels::padded_head_dim(a.head_dim)) *
                        kernels::kKvPage * static_cast<size_t>(kernels::kv_bytes(type));
    layers_.push_back({block_bytes_, page});
    block_bytes_ += 2 * page * static_cast<size_t>(a.n_kv_heads);
  }
}

KvSequence KvSequence::fork(int n_tokens) const {
  KvSequence child(limit_);
  child.length_ = n_tokens;
  const auto n = static_cast<std::ptrdiff_t>(blocks_for(n_tokens));
  child.blocks_.assign(blocks_.begin(), blocks_.begin() + n);
  child.pointers_.assign(pointers_.begin(), pointers_.begin() + n);
  return child;
}

void KvSequence::grow(int n, size_t block_bytes) {
  const size_t needed = blocks_for(length_ + n);
  blocks_.reserve(needed);
  pointers_.reserve(needed);
  const size_t first = static_cast<size_t>(length_) / kernels::kKvPage;
  if (first < blocks_.size() && blocks_[first].use_count() > 1) {
    auto copy = std::make_shared<base::AlignedBuffer>(block_bytes);
    std::memcpy(copy->data(), blocks_[first]->data(), block_bytes);
    replace(first, std::move(copy));
  }
  while (blocks_.size() < needed) {
    auto block = std::make_shared<base::AlignedBuffer>(block_bytes);
    pointers_.push_back(block->data());
    blocks_.push_back(std::move(block));
  }
}

void KvSequence::replace(size_t i, std::shared_ptr<base::AlignedBuffer> block) {
  pointers_[i] = block->data();
  blocks_[i] = std::move(block);
}

void KvSequence::set_length(int n_tokens) { length_ = n_tokens; }

void KvSequence::truncate(int n_tokens) {
  length_ = n_tokens;
  blocks_.resize(blocks_for(n_tokens));
  pointers_.resize(blocks_.size());
}

double KvSequence::blocks_held() const {
  double held = 0;
  for (const auto& block : blocks_) held += 1.0 / static_cast<double>(block.use_count());
  return held;
}

}  // namespace nalar::engine
