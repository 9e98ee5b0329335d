#include "quant/encode.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/half.h"
#include "kernels/isa.h"
#include "quant/encode_kernels.h"
#include "quant/pack_block.h"

namespace nalar::quant {
namespace {

uint16_t half(float x) {
  constexpr float kLargest = 65504;
  return kernels::to_f16(x > kLargest ? kLargest : x < -kLargest ? -kLargest : x);
}
uint16_t brain_float(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;  // to even
  return static_cast<uint16_t>((nearest & 0x7fff) < 0x7f80 ? nearest : nearest - 1);
}

void plain_row(DType type, std::span<const float> row, std::byte* out) {
  if (type == DType::f32) {
    std::memcpy(out, row.data(), row.size_bytes());
    return;
  }
  for (size_t i = 0; i < row.size(); ++i) {
    const uint16_t bits = type == DType::f16 ? half(row[i]) : brain_float(row[i]);
    std::memcpy(out + 2 * i, &bits, sizeof bits);
  }
}

void many_blocks(const EncodeKernels& kernels, DType type, std::span<const float> row,
                 std::byte* out) {
  constexpr size_t kElements = 32;
  const size_t count = row.size() / kElements;
  kernels::PlainBlock blocks[EncodeKernels::kMany];
  for (size_t first = 0; first < count; first += EncodeKernels::kMany) {
    const int n = static_cast<int>(std::min<size_t>(EncodeKernels::kMany, count - first));
    kernels.fit_many(type, row.data() + first * kElements, n, blocks);
    for (int b = 0; b < n; ++b, out += block_size(type).bytes) pack_block(type, blocks[b], out);
  }
}

}  // namespace

void encode_row(DType type, std::span<const float> row, std::span<const float> importance,
                std::byte* out) noexcept {
  if (!is_quantized(type)) return plain_row(type, row, out);
  const EncodeKernels& kernels = encode_kernels(kernels::chosen_isa());
  const BlockSize size = block_size(type);
  if (importance.empty() && EncodeKernels::has_many(type)) {
    return many_blocks(kernels, type, row, out);
  }
  const auto step = static_cast<size_t>(size.elements);
  kernels::PlainBlock block;
  for (size_t k = 0; k < row.size(); k += step, out += size.bytes) {
    kernels.fit(type, row.data() + k, importance.empty() ? nullptr : importance.data() + k, block);
    pack_block(type, block, out);
  }
}

void decode_row(DType type, const std::byte* bytes, std::span<float> row) noexcept {
  kernels::dequantize_file_row(type, bytes, static_cast<int64_t>(row.size()), row.data());
}

bool fits(DType type, int64_t columns) noexcept {
  return is_weight_type(type) && columns % block_size(type).elements == 0;
}

}  // namespace nalar::quant
