#include <cstring>
#include <vector>

#include "kernels_support.h"
#include "quant/pack_block.h"
#include "support/catch.h"

using namespace nalar;
using namespace nalar::test;

TEST_CASE("Every block packs to the bytes it was decoded from") {
  for (const DType type : kWeightTypes) {
    if (!is_quantized(type)) continue;
    CAPTURE(name(type));
    const BlockSize size = block_size(type);
    for (const Blocks kind : {Blocks::plain, Blocks::extreme}) {
      const auto rows = random_rows(type, kind, 50, size.elements, 7);
      for (size_t at = 0; at < rows.size(); at += static_cast<size_t>(size.bytes)) {
        kernels::PlainBlock block;
        kernels::decode_block(type, &rows[at], block);
        std::vector<std::byte> packed(static_cast<size_t>(size.bytes), std::byte{0xaa});
        quant::pack_block(type, block, packed.data());
        REQUIRE(std::memcmp(packed.data(), &rows[at], packed.size()) == 0);
      }
    }
  }
}
