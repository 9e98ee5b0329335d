#pragma once

#include <nalar/model_config.h>

#include <memory>
#include <vector>

#include "nn/pass.h"

namespace nalar::nn {

// The keys and values of one sequence (engine/sequence_table.h says what its functions promise):
// tensors of each layer, whose capacity doubles as it grows. Copies share them; who writes what is
// shared gets tensors of its own.
class KvTensors {
 public:
  // `config` must outlive it.
  KvTensors(const ModelConfig& config, const at::TensorOptions& options, int limit)
      : config_(&config), options_(options), limit_(limit) {}

  int length() const { return length_; }
  int limit() const { return limit_; }
  KvTensors fork(int n_tokens) const;
  void grow(int n);
  void set_length(int n_tokens) { length_ = n_tokens; }
  void truncate(int n_tokens) { length_ = n_tokens; }

  const KeyValues& layer(size_t i) const { return held_->layers[i]; }
  // What copies share, and what it takes.
  const void* held() const { return held_.get(); }
  int64_t bytes() const;

 private:
  struct Held {
    int capacity = 0;
    std::vector<KeyValues> layers;
  };

  const ModelConfig* config_;
  at::TensorOptions options_;
  int limit_;
  int length_ = 0;
  std::shared_ptr<const Held> held_;
};

}  // namespace nalar::nn
