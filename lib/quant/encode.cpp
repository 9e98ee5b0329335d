#include "quant/encode.h"

#include <bit>
#include <cstring>

#include "kernels/isa.h"
#include "kernels/scalar/plain_block.h"
#include "quant/encode_kernels.h"

namespace nalar::quant {
namespace {

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
    const uint16_t bits = brain_float(row[i]);
    std::memcpy(out + 2 * i, &bits, sizeof bits);
  }
}

}  // namespace

void encode_row(DType type, std::span<const float> row, const Importance& importance,
                std::byte* out, float* decoded) noexcept {
  if (type == DType::f32 || type == DType::bf16) {
    plain_row(type, row, out);
    if (decoded != nullptr) decode_row(type, out, {decoded, row.size()});
    return;
  }
  const std::span<const float> columns = importance.of_column;
  encode_kernels(kernels::chosen_isa())
      .encode({.type = type,
               .x = row.data(),
               .importance = columns.empty() ? nullptr : columns.data(),
               .thorough = importance.thorough && !columns.empty(),
               .columns = static_cast<int64_t>(row.size()),
               .out = out,
               .decoded = decoded});
}

void decode_row(DType type, const std::byte* bytes, std::span<float> row) noexcept {
  // The fast way writes whole vectors.
  const auto count = static_cast<int64_t>(row.size()), vectors = count / 16 * 16;
  encode_kernels(kernels::chosen_isa()).decode(type, bytes, vectors, row.data());
  if (vectors == count) return;
  const BlockSize size = block_size(type);
  kernels::dequantize_file_row(type, bytes + vectors / size.elements * size.bytes, count - vectors,
                               row.data() + vectors);
}

bool fits(DType type, int64_t columns) noexcept {
  return is_weight_type(type) && columns % block_size(type).elements == 0;
}

}  // namespace nalar::quant
