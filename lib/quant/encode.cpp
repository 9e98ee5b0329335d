#include "quant/encode.h"

#include <cstring>

#include "kernels/half.h"
#include "kernels/isa.h"
#include "quant/encode_kernels.h"
#include "quant/pack_block.h"

namespace nalar::quant {
namespace {

void plain_row(DType type, std::span<const float> row, std::byte* out) {
  if (type == DType::f32) {
    std::memcpy(out, row.data(), row.size_bytes());
    return;
  }
  for (size_t i = 0; i < row.size(); ++i) {
    uint16_t bits;
    if (type == DType::f16) {
      bits = kernels::to_f16(row[i]);
    } else {
      uint32_t wide;
      std::memcpy(&wide, &row[i], sizeof wide);
      bits = static_cast<uint16_t>((wide + 0x7fff + (wide >> 16 & 1)) >> 16);  // to nearest even
    }
    std::memcpy(out + 2 * i, &bits, sizeof bits);
  }
}

}  // namespace

void encode_row(DType type, std::span<const float> row, std::span<const float> importance,
                std::byte* out) noexcept {
  if (!is_quantized(type)) return plain_row(type, row, out);
  const EncodeKernels& kernels = encode_kernels(kernels::chosen_isa());
  const BlockSize size = block_size(type);
  const auto step = static_cast<size_t>(size.elements);
  float ones[256];
  for (float& w : ones) w = 1;
  kernels::PlainBlock block;
  for (size_t k = 0; k < row.size(); k += step, out += size.bytes) {
    kernels.fit(type, row.data() + k, importance.empty() ? ones : importance.data() + k, block);
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
