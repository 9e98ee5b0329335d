#include "report/crc32c.h"

#include <string>

#include "support/catch.h"

namespace nalar::report {
namespace {

uint32_t crc(std::string_view text) { return crc32c(std::as_bytes(std::span(text))); }

}  // namespace

TEST_CASE("CRC-32C gives the values of RFC 3720") {
  std::string rising, falling;
  for (int i = 0; i < 32; ++i) {
    rising += static_cast<char>(i);
    falling += static_cast<char>(31 - i);
  }
  CHECK(crc("") == 0);
  CHECK(crc("123456789") == 0xE3069283);
  CHECK(crc(std::string(32, '\0')) == 0x8A9136AA);
  CHECK(crc(std::string(32, '\xFF')) == 0x62A8AB43);
  CHECK(crc(rising) == 0x46DD794E);
  CHECK(crc(falling) == 0x113FDB5C);
}

TEST_CASE("the mask rotates by 15 and adds") {
  const std::string_view text = "123456789";
  // 0xE3069283: rotated right by 15 it is 0x2507C60D.
  CHECK(masked_crc32c(std::as_bytes(std::span(text))) == 0x2507C60DU + 0xA282EAD8U);
}

}  // namespace nalar::report
