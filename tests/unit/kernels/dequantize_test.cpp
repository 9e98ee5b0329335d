#include <cstring>
#include <sstream>
#include <vector>

#include "kernels/linear_kernels.h"
#include "kernels_support.h"
#include "support/catch.h"
#include "support/material.h"

using namespace nalar;
using namespace nalar::kernels;
using namespace nalar::test;

namespace {

std::vector<std::byte> from_hex(const std::string& text) {
  std::vector<std::byte> bytes(text.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
  }
  return bytes;
}

}  // namespace

TEST_CASE("Blocks of every type become what gguf's reference makes of them") {
  std::istringstream lines(read_text(golden("kernels/dequantize.txt")));
  std::string type_name, blocks_hex, values_hex;
  int n_types = 0;
  while (lines >> type_name >> blocks_hex >> values_hex) {
    CAPTURE(type_name);
    const DType type = dtype_named(type_name);
    const auto row = from_hex(blocks_hex);
    const auto expected = from_hex(values_hex);
    for (const Isa isa : available_isas()) {
      CAPTURE(name(isa));
      const Weights weights(isa, type, row, 1, 256);
      std::vector<float> got(256);
      linear_kernels(isa).dequantize_row(type, weights.data(), 1, 256, 0, got.data());
      REQUIRE(expected.size() == 1024);
      CHECK(std::memcmp(got.data(), expected.data(), 1024) == 0);
    }
    ++n_types;
  }
  CHECK(n_types == 12);
}
