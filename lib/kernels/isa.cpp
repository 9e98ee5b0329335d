#include "kernels/isa.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace nalar::kernels {
namespace {

constexpr std::array kIsas = {Isa::scalar, Isa::avx2, Isa::avx512, Isa::avx512bf16};

#if defined(__x86_64__)

// Which registers the operating system saves at a switch (XCR0).
uint64_t saved_state() {
  uint32_t low = 0;
  uint32_t high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

struct Features {
  uint32_t ecx1 = 0, ebx7 = 0, ecx7 = 0, eax7_1 = 0;
};

Features cpu_features() {
  Features f;
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) {
    f.ecx1 = ecx;
  }
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
    f.ebx7 = ebx;
    f.ecx7 = ecx;
  }
  if (__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) f.eax7_1 = eax;
  return f;
}

constexpr bool has(uint32_t bits, uint32_t wanted) { return (bits & wanted) == wanted; }

Isa detect() {
  constexpr uint32_t kXsaveAvxFmaF16c = 1u << 27 | 1u << 28 | 1u << 12 | 1u << 29;
  constexpr uint32_t kAvx2Bmi2 = 1u << 5 | 1u << 8;
  constexpr uint32_t kAvx512FDqBwVl = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
  constexpr uint32_t kAvx512Vnni = 1u << 11, kAvx512Bf16 = 1u << 5;
  const Features f = cpu_features();
  if (!has(f.ecx1, kXsaveAvxFmaF16c) || !has(f.ebx7, kAvx2Bmi2)) {
    return Isa::scalar;
  }
  const uint64_t saved = saved_state();
  if ((saved & 0x6) != 0x6) {  // the halves of the 256-bit registers
    return Isa::scalar;
  }
  const bool avx512 = has(f.ebx7, kAvx512FDqBwVl) && has(f.ecx7, kAvx512Vnni);
  if (!avx512 || (saved & 0xe6) != 0xe6) return Isa::avx2;
  return has(f.eax7_1, kAvx512Bf16) ? Isa::avx512bf16 : Isa::avx512;
}

#else

Isa detect() { return Isa::scalar; }

#endif

Isa choose() {
  const std::span<const Isa> available = available_isas();
  const char* wanted = std::getenv("NALAR_ISA");
  if (wanted == nullptr || *wanted == '\0') {
    return available.back();
  }
  for (const Isa isa : kIsas) {
    if (name(isa) != wanted) {
      continue;
    }
    if (isa > available.back()) {
      throw Error(ErrorKind::config,
                  fmt::format("NALAR_ISA: this machine has no {}, need {} or less", name(isa),
                              name(available.back())));
    }
    return isa;
  }
  throw Error(ErrorKind::config,
              "NALAR_ISA: unknown instruction set, need scalar, avx2, avx512 or avx512bf16");
}

}  // namespace

std::string_view name(Isa isa) noexcept {
  switch (isa) {
    case Isa::scalar:
      return "scalar";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512bf16:
      return "avx512bf16";
  }
  return "?";
}

std::span<const Isa> available_isas() noexcept {
  static const Isa best = detect();
  return std::span(kIsas).first(static_cast<size_t>(best) + 1);
}

Isa chosen_isa() {
  static const Isa chosen = choose();
  return chosen;
}

}  // namespace nalar::kernels
