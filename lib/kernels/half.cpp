#include "kernels/half.h"

#include <bit>

namespace nalar::kernels {

float from_f16(f16 bits) noexcept {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = bits >> 10 & 0x1f;
  const uint32_t fraction = bits & 0x3ff;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  if (exponent == 31) {
    const uint32_t quiet = fraction ? 0x400000 : 0;
    return std::bit_cast<float>(sign | 0x7f800000 | quiet | fraction << 13);
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

f16 to_f16(float value) noexcept {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = bits >> 16 & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) {
    return static_cast<f16>(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  }
  if (magnitude >= 0x477ff000) {  // rounds to 2^16 or more
    return static_cast<f16>(sign | 0x7c00);
  }
  if (magnitude < 0x38800000) {
    // Below 2^-14 the unit is 2^-24: adding 0.5, whose unit is 2^-24, rounds to it.
    const float rounded = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<f16>(sign | (std::bit_cast<uint32_t>(rounded) - 0x3f000000));
  }
  const uint32_t to_even = (magnitude >> 13 & 1) + 0xfff;
  return static_cast<f16>(sign | ((magnitude + to_even - (112u << 23)) >> 13));
}

}  // namespace nalar::kernels
