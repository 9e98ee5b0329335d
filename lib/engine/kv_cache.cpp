#include "engine/kv_cache.h"

#include <algorithm>
#include <cstring>

namespace nalar::engine {
namespace {

size_t blocks_for(int tokens) {
  return (static_cast<size_t>(tokens) + kernels::kKvPage - 1) / kernels::kKvPage;
}

// Slabs this large are made of huge pages.
constexpr size_t kSlabBytes = size_t{8} << 20;

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

std::shared_ptr<std::byte> KvPool::take() {
  if (spare_.empty()) {
    const size_t blocks = std::max<size_t>(1, kSlabBytes / block_bytes_);
    spare_.reserve(total_ + blocks);  // so that giving back never allocates
    slabs_.emplace_back(blocks * block_bytes_);
    total_ += blocks;
    for (size_t i = blocks; i-- > 0;) spare_.push_back(slabs_.back().data() + i * block_bytes_);
  }
  std::byte* const block = spare_.back();
  spare_.pop_back();
  return {block, [this](std::byte* b) { spare_.push_back(b); }};
}

KvSequence KvSequence::fork(int n_tokens) const {
  KvSequence child(*pool_, limit_);
  child.length_ = n_tokens;
  const auto n = static_cast<std::ptrdiff_t>(blocks_for(n_tokens));
  child.blocks_.assign(blocks_.begin(), blocks_.begin() + n);
  child.pointers_.assign(pointers_.begin(), pointers_.begin() + n);
  return child;
}

void KvSequence::grow(int n) {
  const size_t needed = blocks_for(length_ + n);
  blocks_.reserve(needed);
  pointers_.reserve(needed);
  const size_t first = static_cast<size_t>(length_) / kernels::kKvPage;
  if (first < blocks_.size() && blocks_[first].use_count() > 1) {
    std::shared_ptr<std::byte> copy = pool_->take();
    std::memcpy(copy.get(), blocks_[first].get(), pool_->block_bytes());
    pointers_[first] = copy.get();
    blocks_[first] = std::move(copy);
  }
  while (blocks_.size() < needed) {
    blocks_.push_back(pool_->take());
    pointers_.push_back(blocks_.back().get());
  }
}

void KvSequence::truncate(int n_tokens) {
  length_ = n_tokens;
  blocks_.resize(blocks_for(n_tokens));
  pointers_.resize(blocks_.size());
}

}  // namespace nalar::engine
