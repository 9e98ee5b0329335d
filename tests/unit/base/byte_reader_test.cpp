#include "base/byte_reader.h"

#include <array>

#include "base/checked.h"
#include "support/catch.h"

namespace nalar::base {

TEST_CASE("ByteReader reads little-endian values and stops at the end") {
  const std::array<unsigned char, 6> data = {1, 0, 0, 0, 0xff, 0x7f};
  ByteReader reader(std::as_bytes(std::span(data)));
  CHECK(reader.read<uint32_t>("a") == 1);
  CHECK(reader.offset() == 4);
  CHECK_THROWS_WITH(reader.read<uint32_t>("length of key"),
                    "truncated length of key (at byte 4): got 2 bytes, need 4");
  CHECK(reader.read<int16_t>("b") == 0x7fff);
  CHECK(reader.remaining() == 0);
}

TEST_CASE("a declared count is held against what the file can hold") {
  const std::array<unsigned char, 10> data = {};
  const ByteReader reader(std::as_bytes(std::span(data)));
  CHECK(reader.count(5, 2, "keys") == 5);
  CHECK_THROWS_WITH(reader.count(6, 2, "keys"),
                    "too many keys (at byte 0): declares 6, file can hold at most 5");
  CHECK_THROWS_AS(reader.count(~uint64_t{0}, 8, "keys"), Error);
}

TEST_CASE("checked arithmetic gives nothing instead of a wrap") {
  CHECK(checked_add(1, 2) == 3u);
  CHECK_FALSE(checked_add(~uint64_t{0}, 1));
  CHECK_FALSE(checked_mul(uint64_t{1} << 32, uint64_t{1} << 32));
  CHECK(checked_align(33, 32) == 64u);
  CHECK_FALSE(checked_align(~uint64_t{0} - 3, 32));
}

}  // namespace nalar::base
