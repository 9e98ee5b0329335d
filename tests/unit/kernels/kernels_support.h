#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/linear_kernels.h"

namespace nalar::test {

inline constexpr DType kWeightTypes[] = {DType::f32,  DType::f16,    DType::bf16,  DType::q8_0,
                                         DType::q4_0, DType::q4_1,   DType::q5_0,  DType::q5_1,
                                         DType::q2_k, DType::q3_k,   DType::q4_k,  DType::q5_k,
                                         DType::q6_k, DType::iq4_nl, DType::iq4_xs};

DType dtype_named(std::string_view type_name);

// A deterministic source of numbers.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint32_t bits();
  float uniform(float low, float high);
  float normal();

 private:
  uint64_t state_;
};

// What random blocks are like: scales of a trained model, or all bytes and scales at their
// extremes.
enum class Blocks { plain, extreme };
std::vector<std::byte> random_rows(DType type, Blocks blocks, int64_t rows, int64_t columns,
                                   uint64_t seed);

// File rows in the form that an instruction set's kernels read.
class Weights {
 public:
  Weights(kernels::Isa isa, DType type, const std::vector<std::byte>& file_rows, int64_t rows,
          int64_t columns);
  const std::byte* data() const { return buffer_.data(); }
  size_t size() const { return buffer_.size(); }

 private:
  base::AlignedBuffer buffer_;
};

}  // namespace nalar::test
