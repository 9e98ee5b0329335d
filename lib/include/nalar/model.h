#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nalar/export.h>
#include <nalar/model_config.h>
#include <nalar/model_files.h>
#include <nalar/tensor.h>

namespace nalar {

// The weights of one block by canonical name; shapes are checked at open, views borrow from the files.
// Weights of Linears are [out, in]. Absent parts (by LayerSpec) are empty views (bytes.data() == nullptr).
struct LayerWeights {
  TensorView attention_norm, attention_post_norm, feed_forward_norm, feed_forward_post_norm;  // [D]
  TensorView q, k, v, o;             // [N*H, D] [K*H, D] [K*H, D] [D, N*H]
  TensorView q_bias, k_bias, v_bias, o_bias;
  TensorView q_norm, k_norm;         // [H]
  TensorView gate, up, down;         // [F, D] [F, D] [D, F]
  TensorView gate_bias, up_bias, down_bias;
};

struct Weights {
  TensorView embedding;   // [V, D]
  TensorView final_norm;  // [D]
  TensorView head;        // [V, D]; the embedding itself when tied
  std::vector<LayerWeights> layers;
};

// A model file as data: nothing is converted at open. Serves an engine, a trainer, a quantizer, a
// converter and inspect at once. Thread-safe.
class NALAR_API Model {
 public:
  Model(std::shared_ptr<const ModelFiles> files, ModelConfig config, Weights weights,
        std::vector<TensorView> unknown_tensors = {});

  const ModelFiles& files() const { return *files_; }
  std::shared_ptr<const ModelFiles> shared_files() const { return files_; }
  const ModelConfig& config() const { return config_; }
  const Weights& weights() const { return weights_; }
  // Of the files, with OpenOptions::keep_unknown_tensors; in the order of the files.
  const std::vector<TensorView>& unknown_tensors() const { return unknown_tensors_; }
  int64_t n_parameters() const;  // a tied head counted once
  int64_t weight_bytes() const;  // as they lie in the file, a tied head counted once

 private:
  std::shared_ptr<const ModelFiles> files_;
  ModelConfig config_;
  Weights weights_;
  std::vector<TensorView> unknown_tensors_;
};

// Errors: those of ModelFiles::open; bad_data for an unknown architecture or key, a missing tensor, a
// shape or type that does not fit; each names the file and the key or tensor.
NALAR_API std::shared_ptr<const Model> open_model(const std::string& path,
                                                  const OpenOptions& options = {});
NALAR_API std::shared_ptr<const Model> open_model(std::shared_ptr<const ModelFiles> files,
                                                  const OpenOptions& options = {});

}  // namespace nalar
