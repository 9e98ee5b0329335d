#include "memory_model.h"

#include <cstring>
#include <deque>
#include <random>
#include <string>

#include "kernels/half.h"

namespace nalar::engine::test {
namespace {

// Owns the bytes of its tensors; nothing of it lies in a file.
class MemoryFiles final : public ModelFiles {
 public:
  const std::string& path() const override { return path_; }
  ModelFormat format() const override { return ModelFormat::gguf; }
  const io::TensorFile* tensors() const override { return nullptr; }
  const io::GgufMetadata* gguf() const override { return nullptr; }
  std::optional<std::string_view> file(std::string_view) const override { return std::nullopt; }
  std::string path_of(std::string_view) const override { return path_; }
  std::vector<std::string> weight_paths() const override { return {}; }
  void release_pages(std::span<const std::byte>) const override {}

  TensorView vector(int64_t n, float mean) {
    std::vector<float> values(static_cast<size_t>(n));
    for (float& v : values) v = mean + normal_(random_) * 0.1f;
    return add(DType::f32, {n}, std::as_bytes(std::span(values)));
  }
  TensorView matrix(DType type, int64_t rows, int64_t columns) {
    if (!is_quantized(type)) {
      std::vector<float> values(static_cast<size_t>(rows * columns));
      for (float& v : values) v = normal_(random_) / std::sqrt(static_cast<float>(columns));
      return add(type, {rows, columns}, std::as_bytes(std::span(values)));
    }
    const BlockSize size = block_size(type);
    const auto blocks = static_cast<size_t>(rows * columns / size.elements);
    std::vector<std::byte> bytes(blocks * static_cast<size_t>(size.bytes));
    for (std::byte& b : bytes) b = static_cast<std::byte>(random_());
    for (size_t i = 0; i < blocks; ++i) {
      set_scales(type, bytes.data() + i * static_cast<size_t>(size.bytes));
    }
    return add(type, {rows, columns}, bytes);
  }

 private:
  TensorView add(DType type, std::vector<int64_t> shape, std::span<const std::byte> bytes) {
    const auto& kept = bytes_.emplace_back(bytes.begin(), bytes.end());
    const auto& name = names_.emplace_back("tensor." + std::to_string(names_.size()));
    return {name, type, std::move(shape), kept};
  }
  // The halves of a block, of a size that keeps sums near 1.
  void set_scales(DType type, std::byte* block) {
    const auto set = [&](int offset, float value) {
      const kernels::f16 bits = kernels::to_f16(value * (1 + 0.3f * normal_(random_)));
      std::memcpy(block + offset, &bits, sizeof bits);
    };
    switch (type) {
      case DType::q8_0:
        return set(0, 0.0008f);
      case DType::q4_0:
      case DType::q5_0:
        return set(0, 0.01f);
      case DType::q4_1:
        return set(0, 0.01f), set(2, -0.075f);
      case DType::q4_k:
        return set(0, 0.0003f), set(2, 0.002f);
      default:  // q6_k
        return set(208, 0.00004f);
    }
  }

  std::string path_ = "memory";
  std::mt19937 random_{17};
  std::normal_distribution<float> normal_{0, 1};
  std::deque<std::vector<std::byte>> bytes_;
  std::deque<std::string> names_;
};

constexpr int kWidth = 256, kHidden = 512, kVocab = 300;

std::vector<LayerSpec> layer_specs() {
  LayerSpec gemma;  // norms around, window, q/k norm
  gemma.attention_norm = gemma.attention_post_norm = NormSpec{1e-6f, 1};
  gemma.feed_forward_norm = gemma.feed_forward_post_norm = NormSpec{1e-6f, 1};
  gemma.attention = {4, 1, 64, 0.125f, 70, 0, false, false, NormSpec{1e-6f, 1}, {}};
  gemma.attention.rope = RopeSpec{RopeStyle::half, 10000, 64, {}};
  gemma.feed_forward = {kHidden, Activation::gelu_tanh, false};

  LayerSpec qwen;  // biases, three query heads a kv head, part of a head turned
  qwen.attention_norm = qwen.feed_forward_norm = NormSpec{};
  qwen.attention = {6, 2, 32, 0.18f, 0, 0, true, true, {}, {}};
  qwen.attention.rope = RopeSpec{RopeStyle::interleaved, 500000, 24, {}};
  qwen.feed_forward = {kHidden, Activation::silu, true};

  LayerSpec other;  // norms after alone, softcap, no position
  other.attention_post_norm = other.feed_forward_post_norm = NormSpec{};
  other.attention = {2, 2, 80, 0.11f, 0, 5, false, false, {}, {}};
  other.feed_forward = {kHidden, Activation::gelu, false};
  return {gemma, qwen, other};
}

LayerWeights layer_weights(MemoryFiles& files, const LayerSpec& spec,
                           std::span<const DType> types) {
  LayerWeights w;
  const auto norm = [&](const std::optional<NormSpec>& n, int64_t width) {
    return n ? files.vector(width, 1 - n->weight_offset) : TensorView{};
  };
  const auto bias = [&](bool has, int64_t n) { return has ? files.vector(n, 0) : TensorView{}; };
  const AttentionSpec& a = spec.attention;
  const int64_t q = int64_t{a.n_heads} * a.head_dim, kv = int64_t{a.n_kv_heads} * a.head_dim;
  w.attention_norm = norm(spec.attention_norm, kWidth);
  w.attention_post_norm = norm(spec.attention_post_norm, kWidth);
  w.feed_forward_norm = norm(spec.feed_forward_norm, kWidth);
  w.feed_forward_post_norm = norm(spec.feed_forward_post_norm, kWidth);
  w.q = files.matrix(types[0], q, kWidth);
  w.k = files.matrix(types[1], kv, kWidth);
  w.v = files.matrix(types[2], kv, kWidth);
  w.o = files.matrix(types[3], kWidth, q);
  w.q_bias = bias(a.qkv_bias, q);
  w.k_bias = bias(a.qkv_bias, kv);
  w.v_bias = bias(a.qkv_bias, kv);
  w.o_bias = bias(a.out_bias, kWidth);
  w.q_norm = norm(a.qk_norm, a.head_dim);
  w.k_norm = norm(a.qk_norm, a.head_dim);
  w.gate = files.matrix(types[4], kHidden, kWidth);
  w.up = files.matrix(types[5], kHidden, kWidth);
  w.down = files.matrix(types[6], kWidth, kHidden);
  w.gate_bias = bias(spec.feed_forward.bias, kHidden);
  w.up_bias = bias(spec.feed_forward.bias, kHidden);
  w.down_bias = bias(spec.feed_forward.bias, kWidth);
  return w;
}

}  // namespace

std::shared_ptr<const Model> make_memory_model(bool tied) {
  using enum DType;
  constexpr DType kTypes[3][7] = {{q4_k, q4_k, q6_k, q8_0, q4_k, q4_k, q6_k},
                                  {q4_1, f32, q5_0, q8_0, q4_0, q8_0, q4_k},
                                  {f32, f32, f32, q5_0, q6_k, q4_1, f32}};
  auto files = std::make_shared<MemoryFiles>();
  ModelConfig config;
  config.family = "test";
  config.d_model = kWidth;
  config.vocab_size = kVocab;
  config.n_ctx_train = 512;
  config.tied_head = tied;
  config.embedding_scale = 16;
  config.final_softcap = 20;
  config.layers = layer_specs();
  Weights weights;
  weights.embedding = files->matrix(q8_0, kVocab, kWidth);
  weights.final_norm = files->vector(kWidth, 1);
  weights.head = tied ? weights.embedding : files->matrix(q6_k, kVocab, kWidth);
  for (size_t i = 0; i < 3; ++i) {
    weights.layers.push_back(layer_weights(*files, config.layers[i], kTypes[i]));
  }
  return std::make_shared<Model>(std::move(files), std::move(config), std::move(weights));
}

}  // namespace nalar::engine::test
