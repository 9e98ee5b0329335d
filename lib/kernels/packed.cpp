#include "kernels/packed.h"

#include <bit>
#include <cstring>

#include "kernels/blocks.h"
#include "kernels/half.h"
#include "kernels/linear_kernels.h"

namespace nalar::kernels {
namespace {

f16 half_at(const std::byte* p) {
  f16 bits = 0;
  std::memcpy(&bits, p, sizeof bits);
  return bits;
}

// One row of a packed block.
class RowOfBlock {
 public:
  RowOfBlock(DType type, const std::byte* block, int row)
      : shape_(packed_shape(type)),
        type_(type),
        block_(reinterpret_cast<const uint8_t*>(block)),
        row_(row) {}

  void decode(PlainBlock& out) const {
    const QuantForm form = quant_form(type_);
    const bool minima = form.form == Form::scale_min || form.form == Form::sub_scale_min;
    const auto* d = reinterpret_cast<const std::byte*>(block_) + 2 * row_;
    out.d = from_f16(half_at(d));
    out.m = minima ? from_f16(half_at(d + 32)) : 0;
    out.subs = shape_.subs;
    for (int i = 0; i < shape_.subs; ++i) {
      for (int k = 0; k < 32; ++k) {
        out.sub[i].q[k] = static_cast<int16_t>(value(unsigned_at(i, k)));
      }
      for (int h = 0; h < 2; ++h) {
        scales(i, h, out.sub[i]);
      }
    }
  }

 private:
  int unsigned_at(int sub, int k) const {
    const int j = k / 4;
    const uint8_t* lane = block_ + shape_.header + sub * shape_.sub_bytes() + 4 * row_ + k % 4;
    int q = 0;
    int bits = 0;
    // The low bits are in the last plane.
    const uint8_t* two = lane + 64 * shape_.one;
    const uint8_t* four = two + 128 * shape_.two;
    if (shape_.bytes) {
      q = four[64 * j];
    }
    if (shape_.four) {
      q = four[64 * (j % 4)] >> 4 * (j / 4) & 15;
      bits = 4;
    }
    if (shape_.two) {
      q |= (two[64 * (j / 4)] >> 2 * (j % 4) & 3) << bits;
      bits += 2;
    }
    if (shape_.one) {
      q |= (lane[0] >> j & 1) << bits;
    }
    return q;
  }

  int value(int q) const {
    switch (type_) {
      case DType::q8_0:
        return static_cast<int8_t>(q);
      case DType::q4_0:
        return q - 8;
      case DType::q5_0:
        return q - 16;
      case DType::q3_k:
        return q - 4;
      case DType::q6_k:
        return q - 32;
      case DType::iq4_nl:
      case DType::iq4_xs:
        return kIq4Values[q];
      default:
        return q;
    }
  }

  void scales(int i, int h, PlainSub& out) const {
    const bool has_m = type_ == DType::q2_k || type_ == DType::q4_k || type_ == DType::q5_k;
    const uint8_t* at = block_ + (has_m ? 64 : 32) + row_;
    int s = 1;
    int l = 0;
    switch (type_) {
      case DType::q2_k:
        s = at[16 * (2 * i + h)] & 15;
        l = at[16 * (2 * i + h)] >> 4;
        break;
      case DType::q3_k: {
        const int n = 2 * i + h;
        s = ((at[16 * (n % 8)] >> 4 * (n / 8) & 15) | (at[16 * (8 + n % 4)] >> 2 * (n / 4) & 3)
                                                          << 4) -
            32;
        break;
      }
      case DType::q4_k:
      case DType::q5_k: {
        const int high = at[16 * (8 + i % 4)] >> 4 * (i / 4);
        s = (at[16 * i] & 15) | (high & 3) << 4;
        l = at[16 * i] >> 4 | (high >> 2 & 3) << 4;
        break;
      }
      case DType::q6_k:
        s = static_cast<int8_t>(at[16 * (2 * i + h)]);
        break;
      case DType::iq4_xs:  // the file's order: high (2 bytes), low (4)
        s = ((at[16 * (2 + i / 2)] >> 4 * (i % 2) & 15) | (at[16 * (i / 4)] >> 2 * (i % 4) & 3)
                                                              << 4) -
            32;
        break;
      default:
        break;
    }
    out.s[h] = static_cast<int16_t>(s);
    out.l[h] = static_cast<int16_t>(l);
  }

  PackedShape shape_;
  DType type_;
  const uint8_t* block_;
  int row_;
};

}  // namespace

size_t packed_bytes(DType type, int64_t rows, int64_t columns) noexcept {
  const BlockSize size = block_size(type);
  const int64_t groups = (rows + kGroupRows - 1) / kGroupRows;
  return static_cast<size_t>(groups * kGroupRows * (columns / size.elements) * size.bytes);
}

void dequantize_packed_row(DType type, const std::byte* packed, int64_t columns, int64_t r,
                           float* out) noexcept {
  const BlockSize size = block_size(type);
  const std::byte* group =
      packed + r / kGroupRows * kGroupRows * (columns / size.elements) * size.bytes;
  const int row = static_cast<int>(r % kGroupRows);
  if (!is_quantized(type)) {
    for (int64_t k = 0; k < columns; ++k) {
      dequantize_file_row(type, group + (k * kGroupRows + row) * size.bytes, 1, out + k);
    }
    return;
  }
  const QuantForm form = quant_form(type);
  PlainBlock block;
  for (int64_t k = 0; k < columns; k += size.elements, group += kGroupRows * size.bytes) {
    RowOfBlock(type, group, row).decode(block);
    dequantize(form, block, out + k);
  }
}

}  // namespace nalar::kernels
