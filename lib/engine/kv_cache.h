#pragma once

#include <nalar/model_config.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/vector_kernels.h"

namespace nalar::engine {

// Where the pages lie in a block: the keys and values of kKvPage positions, of every layer and kv
// head.
class KvLayout {
 public:
  KvLayout(const ModelConfig& config, kernels::KvType type);

  size_t k_offset(int layer, int head) const {
    return layers_[static_cast<size_t>(layer)].offset +
           static_cast<size_t>(head) * 2 * layers_[static_cast<size_t>(layer)].page;
  }
  size_t v_offset(int layer, int head) const {
    return k_offset(layer, head) + layers_[static_cast<size_t>(layer)].page;
  }
  size_t block_bytes() const { return block_bytes_; }
  kernels::KvType type() const { return type_; }

 private:
  struct Layer {
    size_t offset, page;
  };
  kernels::KvType type_;
  std::vector<Layer> layers_;
  size_t block_bytes_ = 0;
};

// Memory of blocks, taken a slab at a time and kept for the next block when one is given back.
// Every byte of a block is 0 or what a block before held: finite numbers.
class KvPool {
 public:
  explicit KvPool(size_t block_bytes) : block_bytes_(block_bytes) {}
  KvPool(const KvPool&) = delete;
  KvPool& operator=(const KvPool&) = delete;

  // Goes back to the pool, which must outlive it, with its last owner. Errors: os.
  std::shared_ptr<std::byte> take();
  size_t block_bytes() const { return block_bytes_; }
  int64_t bytes_in_use() const {
    return static_cast<int64_t>(block_bytes_ * (total_ - spare_.size()));
  }

 private:
  size_t block_bytes_;
  size_t total_ = 0;
  std::vector<base::AlignedBuffer> slabs_;
  std::vector<std::byte*> spare_;
};

// The keys and values of one sequence: blocks of kKvPage positions, taken as it grows. Copies share
// their blocks; a shared block is copied before it is written.
class KvSequence {
 public:
  KvSequence(KvPool& pool, int limit) : pool_(&pool), limit_(limit) {}
  KvSequence fork(int n_tokens) const;

  int length() const { return length_; }
  int limit() const { return limit_; }
  // One per kKvPage positions; those that grow() made room for included.
  std::byte* const* blocks() const { return pointers_.data(); }

  // Room for positions length … length + n - 1, which may be written then. On an error nothing has
  // changed but memory.
  void grow(int n);
  void set_length(int n_tokens) { length_ = n_tokens; }
  void truncate(int n_tokens);

 private:
  KvPool* pool_;
  int limit_;
  int length_ = 0;
  std::vector<std::shared_ptr<std::byte>> blocks_;
  std::vector<std::byte*> pointers_;
};

}  // namespace nalar::engine
