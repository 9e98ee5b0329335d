#include "engine/packed_weights.h"

#include <algorithm>
#include <atomic>
#include <unordered_set>

namespace nalar::engine {
namespace {

// Bytes of file rows that a thread packs at a time.
constexpr int64_t kSliceBytes = int64_t{1} << 20;

struct Slice {
  const TensorView* tensor;
  std::byte* packed;
  int64_t begin, end;  // rows
};

std::vector<Slice> slices_of(const TensorView& tensor, std::byte* packed) {
  const int64_t row_bytes = static_cast<int64_t>(tensor.bytes.size()) / tensor.rows();
  const int64_t groups = std::max<int64_t>(1, kSliceBytes / (row_bytes * kernels::kGroupRows));
  const int64_t step = groups * kernels::kGroupRows;
  std::vector<Slice> slices;
  for (int64_t r = 0; r < tensor.rows(); r += step) {
    slices.push_back({&tensor, packed, r, std::min(r + step, tensor.rows())});
  }
  return slices;
}

}  // namespace

std::vector<TensorView> linear_weights(const LayerWeights& w) {
  return {w.q, w.k, w.v, w.o, w.gate, w.up, w.down};
}

std::vector<TensorView> linear_weights(const Model& model) {
  std::vector<TensorView> list;
  std::unordered_set<const std::byte*> seen;
  const auto add = [&](const TensorView& t) {
    if (seen.insert(t.bytes.data()).second) list.push_back(t);
  };
  for (const LayerWeights& layer : model.weights().layers) {
    for (const TensorView& t : linear_weights(layer)) add(t);
  }
  add(model.weights().head);
  return list;
}

const PackedWeights& PackedWeights::pack(const std::vector<TensorView>& tensors,
                                         base::ThreadPool& pool) {
  packed_.clear();
  const auto packed_bytes = [&](const TensorView& t) {
    return (kernels_.linear.packed_bytes(t.dtype, t.rows(), t.columns()) + 63) / 64 * 64;
  };
  size_t total = 0;
  for (const TensorView& t : tensors) total += packed_bytes(t);
  if (arena_.size() < total) arena_ = base::AlignedBuffer(total);

  std::vector<Slice> slices;
  std::byte* at = arena_.data();
  for (const TensorView& t : tensors) {
    const size_t bytes = packed_bytes(t);
    packed_[t.bytes.data()] = bytes == 0 ? t.bytes.data() : at;
    if (bytes == 0) continue;
    const std::vector<Slice> more = slices_of(t, at);
    slices.insert(slices.end(), more.begin(), more.end());
    at += bytes;
  }
  std::atomic<size_t> next{0};
  pool.run([&](int) {
    for (size_t i; (i = next.fetch_add(1)) < slices.size();) {
      const auto& [tensor, packed, begin, end] = slices[i];
      kernels_.linear.pack(tensor->dtype, tensor->bytes.data(), tensor->rows(), tensor->columns(),
                           begin, end, packed);
      const size_t row_bytes = tensor->bytes.size() / static_cast<size_t>(tensor->rows());
      model_.files().release_pages(tensor->bytes.subspan(
          static_cast<size_t>(begin) * row_bytes, static_cast<size_t>(end - begin) * row_bytes));
    }
  });
  return *this;
}

const std::byte* PackedWeights::find(const TensorView& tensor) const {
  return packed_.at(tensor.bytes.data());
}

}  // namespace nalar::engine
