#include "kernels_support.h"

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "kernels/half.h"

namespace nalar::test {
namespace {

struct HalfPlaces {
  DType type;
  int n;
  int at[2];
};

constexpr HalfPlaces kHalves[] = {
    {DType::q8_0, 1, {0}},      {DType::q4_0, 1, {0}},    {DType::q4_1, 2, {0, 2}},
    {DType::q5_0, 1, {0}},      {DType::q5_1, 2, {0, 2}}, {DType::iq4_nl, 1, {0}},
    {DType::q2_k, 2, {80, 82}}, {DType::q3_k, 1, {108}},  {DType::q4_k, 2, {0, 2}},
    {DType::q5_k, 2, {0, 2}},   {DType::q6_k, 1, {208}},  {DType::iq4_xs, 1, {0}},
};

uint8_t random_byte(Random& random, Blocks blocks) {
  const uint32_t bits = random.bits();
  if (blocks == Blocks::plain) {
    return static_cast<uint8_t>(bits);
  }
  constexpr uint8_t kExtremes[] = {0x00, 0xff, 0x80, 0x7f};
  return kExtremes[bits % 4];
}

float random_scale(Random& random, Blocks blocks) {
  if (blocks == Blocks::plain) {
    return random.uniform(-0.02f, 0.02f);
  }
  constexpr float kExtremes[] = {0, 65504, -65504, 0x1p-24f, -0x1p-20f, 1};
  return kExtremes[random.bits() % 6];
}

void put_half(std::byte* at, float value) {
  const kernels::f16 half = kernels::to_f16(value);
  std::memcpy(at, &half, 2);
}

void fill_plain_type(DType type, Random& random, std::vector<std::byte>& out) {
  const size_t size = type == DType::f32 ? 4 : 2;
  for (size_t i = 0; i < out.size(); i += size) {
    const float value = random.normal();
    if (type == DType::f16) {
      put_half(&out[i], value);
    } else {  // bf16: the high half
      std::memcpy(&out[i], reinterpret_cast<const char*>(&value) + 4 - size, size);
    }
  }
}

}  // namespace

DType dtype_named(std::string_view type_name) {
  for (const DType type : kWeightTypes) {
    if (name(type) == type_name) {
      return type;
    }
  }
  throw std::invalid_argument("no such type");
}

uint32_t Random::bits() {
  state_ += 0x9e3779b97f4a7c15;  // splitmix64
  uint64_t z = state_;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return static_cast<uint32_t>(z >> 32);
}

float Random::uniform(float low, float high) {
  return low + (high - low) * static_cast<float>(bits() >> 8) * 0x1p-24f;
}

float Random::normal() {
  const float radius = std::sqrt(-2 * std::log(uniform(1e-6f, 1)));
  return radius * std::cos(6.2831853f * uniform(0, 1));
}

std::vector<std::byte> random_rows(DType type, Blocks blocks, int64_t rows, int64_t columns,
                                   uint64_t seed) {
  Random random(seed);
  const BlockSize size = block_size(type);
  std::vector<std::byte> out(static_cast<size_t>(rows * (columns / size.elements) * size.bytes));
  if (!is_quantized(type)) {
    fill_plain_type(type, random, out);
    return out;
  }
  for (auto& byte : out) {
    byte = static_cast<std::byte>(random_byte(random, blocks));
  }
  for (const HalfPlaces& halves : kHalves) {
    for (size_t at = 0; halves.type == type && at < out.size();
         at += static_cast<size_t>(size.bytes)) {
      for (int i = 0; i < halves.n; ++i) {
        put_half(&out[at + static_cast<size_t>(halves.at[i])], random_scale(random, blocks));
      }
    }
  }
  return out;
}

Weights::Weights(kernels::Isa isa, DType type, const std::vector<std::byte>& file_rows,
                 int64_t rows, int64_t columns) {
  const auto& table = kernels::linear_kernels(isa);
  const size_t packed = table.packed_bytes(type, rows, columns);
  buffer_ = base::AlignedBuffer(packed == 0 ? file_rows.size() : packed);
  if (packed == 0) {
    std::memcpy(buffer_.data(), file_rows.data(), file_rows.size());
    return;
  }
  // In two parts where there are two groups, as threads do it.
  const int64_t middle = rows > kernels::kGroupRows ? kernels::kGroupRows : rows;
  table.pack(type, file_rows.data(), rows, columns, 0, middle, buffer_.data());
  if (middle < rows) {
    table.pack(type, file_rows.data(), rows, columns, middle, rows, buffer_.data());
  }
}

}  // namespace nalar::test
