#pragma once

#include <nalar/model_config.h>

#include <cstddef>
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

// The keys and values of one sequence: blocks of kKvPage positions, taken as it grows. Copies share
// their blocks; a shared block is copied before it is written.
class KvSequence {
 public:
  explicit KvSequence(int limit) : limit_(limit) {}
  KvSequence fork(int n_tokens) const;

  int length() const { return length_; }
  int limit() const { return limit_; }
  // One per kKvPage positions; those that grow() made room for included.
  std::byte* const* blocks() const { return pointers_.data(); }
  size_t n_blocks() const { return blocks_.size(); }

  // Room for positions length … length + n - 1, which may be written then. On an error nothing has
  // changed but memory.
  void grow(int n, size_t block_bytes);
  void set_length(int n_tokens);
  void truncate(int n_tokens);
  // Blocks, each counted by its share: what this sequence adds to the cache.
  double blocks_held() const;

 private:
  void replace(size_t i, std::shared_ptr<base::AlignedBuffer> block);

  int limit_;
  int length_ = 0;
  std::vector<std::shared_ptr<base::AlignedBuffer>> blocks_;
  std::vector<std::byte*> pointers_;
};

}  // namespace nalar::engine
