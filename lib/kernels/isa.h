#pragma once

#include <span>
#include <string_view>

#include <nalar/export.h>

namespace nalar::kernels {

enum class Isa {
  scalar,
  avx2,        // AVX2, FMA, F16C
  avx512,      // AVX-512 F, BW, DQ, VL and VNNI
  avx512bf16,  // and BF16: only products of bf16 differ
};

std::string_view name(Isa isa) noexcept;
// Those this machine has, the best last.
std::span<const Isa> available_isas() noexcept;
// The best, or what NALAR_ISA names. Chosen once. Throws Error(config) for a name that is unknown or not there.
NALAR_MODULE_API Isa chosen_isa();

}  // namespace nalar::kernels
