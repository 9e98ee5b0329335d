#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace nalar::report {

// CRC-32C (Castagnoli, RFC 3720 appendix B.4).
uint32_t crc32c(std::span<const std::byte> bytes) noexcept;
// As TFRecord files store it: a CRC of data that holds CRCs is weak, so it is rotated and shifted.
uint32_t masked_crc32c(std::span<const std::byte> bytes) noexcept;

}  // namespace nalar::report
