#include "engine/activations.h"

#include <algorithm>

#include "engine/rope.h"

namespace nalar::engine {
namespace {

constexpr int64_t kUpFloats = 64 << 10;

// Hands out parts of an arena; with no base it only counts.
class Carver {
 public:
  explicit Carver(std::byte* base) : base_(base) {}

  std::byte* bytes(size_t n) {
    std::byte* const at = base_ == nullptr ? nullptr : base_ + used_;
    used_ += (n + 63) / 64 * 64;
    return at;
  }
  float* floats(int64_t n) {
    return reinterpret_cast<float*>(bytes(static_cast<size_t>(n) * sizeof(float)));
  }
  size_t used() const { return used_; }

 private:
  std::byte* base_;
  size_t used_ = 0;
};

}  // namespace

Widths::Widths(const ModelConfig& config, int64_t largest_rank)
    : model(config.d_model), rank(largest_rank) {
  for (const LayerSpec& layer : config.layers) {
    const AttentionSpec& a = layer.attention;
    q = std::max(q, int64_t{a.n_heads} * a.head_dim);
    kv = std::max(kv, int64_t{a.n_kv_heads} * a.head_dim);
    hidden = std::max(hidden, int64_t{layer.feed_forward.d_ff});
    head_dim = std::max(head_dim, int64_t{a.head_dim});
    if (a.rope) rope_dim = std::max(rope_dim, int64_t{a.rope->rope_dim});
  }
  input = std::max({model, q, hidden});
  n_ropes = static_cast<int64_t>(distinct_ropes(config).specs.size());
}

Activations::Activations(const Widths& widths, const KernelSet& kernels, int64_t rows, int threads)
    : widths_(widths),
      capacity_(rows),
      tile_(std::min(kernels.linear.tile, rows)),
      own_(static_cast<size_t>(threads)),
      scratch_(static_cast<size_t>(threads)) {
  arena_ = base::AlignedBuffer(lay_out(kernels, nullptr));
  lay_out(kernels, arena_.data());
}

size_t Activations::lay_out(const KernelSet& kernels, std::byte* base) {
  Carver carve(base);
  const auto fp32_bytes = [&](int64_t n, int64_t columns) {
    return kernels.linear.activation_bytes(kernels::Operand::fp32, n, columns);
  };
  const auto rows_of = [&](int64_t n) {
    Rows r;
    r.x = carve.floats(n * widths_.model);
    r.h = carve.floats(n * widths_.model);
    for (const auto operand : {kernels::Operand::int8, kernels::Operand::fp32}) {
      std::byte* const input = carve.bytes(
          kernels.linear.activation_bytes(operand, n, (widths_.input + 255) / 256 * 256));
      (operand == kernels::Operand::int8 ? r.int8_input : r.fp32_input) = input;
    }
    for (std::byte*& low : r.low_input) low = carve.bytes(fp32_bytes(n, widths_.rank));
    return r;
  };
  for (Rows& own : own_) own = rows_of(tile_);
  for (Scratch& s : scratch_) {
    s.linear = carve.bytes(kernels.linear.scratch_bytes(std::max(widths_.input, widths_.rank)));
    s.up_floats = std::max(kUpFloats, widths_.hidden + 16);
    s.up = carve.floats(s.up_floats);
    s.attention = carve.floats(
        kAttentionRows *
        static_cast<int64_t>(kernels.vector.attention_scratch(static_cast<int>(widths_.head_dim))));
  }
  if (widths_.rank > 0) {
    for (Scratch& s : scratch_) {
      s.low = carve.floats(tile_ * widths_.rank);
      s.low_x = carve.bytes(fp32_bytes(tile_, std::max(widths_.input, widths_.rank)));
    }
  }
  shared_ = rows_of(capacity_);
  q = carve.floats(capacity_ * widths_.q);
  k = carve.floats(capacity_ * widths_.kv);
  v = carve.floats(capacity_ * widths_.kv);
  attended = carve.floats(capacity_ * widths_.q);
  branch = carve.floats(capacity_ * widths_.model);
  hidden = carve.floats(capacity_ * widths_.hidden);
  ropes_ = carve.floats(widths_.n_ropes * capacity_ * widths_.rope_dim);
  return carve.used();
}

}  // namespace nalar::engine
