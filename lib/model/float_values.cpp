#include "model/float_values.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "base/utf8.h"

namespace nalar::model {
namespace {

template <typename T>
T load(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

float from_half(uint16_t bits) {
  const uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return bits & 0x8000 ? -magnitude : magnitude;
  }
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t widened = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | widened << 23 | fraction << 13);
}

float from_bf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

[[noreturn]] void fail(const TensorView& tensor, const std::string& what) {
  throw Error(ErrorKind::bad_data, fmt::format("tensor {}{}", base::escaped(tensor.name), what));
}

}  // namespace

std::vector<float> float_values(const TensorView& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.elements()));
  const std::byte* const bytes = tensor.bytes.data();
  for (size_t i = 0; i < values.size(); ++i) {
    switch (tensor.dtype) {
      case DType::f32:
        values[i] = load<float>(bytes + 4 * i);
        break;
      case DType::f16:
        values[i] = from_half(load<uint16_t>(bytes + 2 * i));
        break;
      case DType::bf16:
        values[i] = from_bf16(load<uint16_t>(bytes + 2 * i));
        break;
      default:
        fail(tensor, fmt::format(": got type {}, need F32, F16 or BF16", name(tensor.dtype)));
    }
    if (!std::isfinite(values[i])) fail(tensor, " has values that are not finite");
  }
  return values;
}

}  // namespace nalar::model
