#pragma once

#include <cstdint>

// Blocks of quantized rows as GGUF files hold them, low element first. f16 = IEEE half, as bits.
namespace nalar::kernels {

using f16 = uint16_t;

#pragma pack(push, 1)
struct BlockQ8_0 { f16 d; int8_t q[32]; };                      // d * q
struct BlockQ4_0 { f16 d; uint8_t q[16]; };                     // d * (q - 8); q[i] = element i | element i + 16 << 4
struct BlockQ4_1 { f16 d, m; uint8_t q[16]; };                  // d * q + m
struct BlockQ5_0 { f16 d; uint8_t high[4]; uint8_t q[16]; };    // d * (q - 16); bit i of high = bit 4 of element i
struct BlockQ5_1 { f16 d, m; uint8_t high[4]; uint8_t q[16]; }; // d * q + m
struct BlockQ2K { uint8_t scales[16]; uint8_t q[64]; f16 d, dmin; };     // per 16: d * (s & 15) * q - dmin * (s >> 4)
struct BlockQ3K { uint8_t high[32]; uint8_t q[64]; uint8_t scales[12]; f16 d; };  // per 16: d * (s - 32) * (q - 4)
struct BlockQ4K { f16 d, dmin; uint8_t scales[12]; uint8_t q[128]; };    // per 32: d * s * q - dmin * m
struct BlockQ5K { f16 d, dmin; uint8_t scales[12]; uint8_t high[32]; uint8_t q[128]; };
struct BlockQ6K { uint8_t low[128]; uint8_t high[64]; int8_t scales[16]; f16 d; };  // per 16: d * s * (q - 32)
struct BlockIQ4NL { f16 d; uint8_t q[16]; };                    // d * kIq4Values[q]
struct BlockIQ4XS { f16 d; uint16_t scales_high; uint8_t scales_low[4]; uint8_t q[128]; };  // per 32: d * (s - 32) * kIq4Values[q]
#pragma pack(pop)

inline constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};

static_assert(sizeof(BlockQ8_0) == 34 && sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20);
static_assert(sizeof(BlockQ5_0) == 22 && sizeof(BlockQ5_1) == 24 && sizeof(BlockIQ4NL) == 18);
static_assert(sizeof(BlockQ2K) == 84 && sizeof(BlockQ3K) == 110 && sizeof(BlockQ4K) == 144);
static_assert(sizeof(BlockQ5K) == 176 && sizeof(BlockQ6K) == 210 && sizeof(BlockIQ4XS) == 136);

}  // namespace nalar::kernels
