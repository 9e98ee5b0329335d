#include "io/safetensors_reader.h"

#include <nalar/error.h>

#include "support/catch.h"
#include "support/gguf_builder.h"
#include "support/material.h"
#include "support/safetensors_builder.h"

namespace nalar::io {
namespace {

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

TEST_CASE("tensors and metadata are read as they were written") {
  const std::string bytes = test::small_safetensors().bytes();
  const SafetensorsFile file = parse_safetensors(as_bytes(bytes));
  REQUIRE(file.tensors.size() == 4);
  CHECK(file.metadata ==
        std::vector<std::pair<std::string, std::string>>{{"format", "pt"}, {"note", "two"}});
  CHECK(file.tensors[0].name == "matrix");
  CHECK(file.tensors[0].shape == std::vector<int64_t>{3, 4});
  CHECK(std::string(reinterpret_cast<const char*>(file.tensors[0].bytes.data()), 48) ==
        test::some_floats(12));
  CHECK(file.tensors[1].dtype == DType::bf16);
  CHECK(file.tensors[2].name == "scalar");
  CHECK(file.tensors[2].shape.empty());
  CHECK(file.tensors[2].elements() == 1);
  CHECK(file.tensors[3].bytes.empty());
}

TEST_CASE("a name may be escaped, members may come in any order, the header may be padded") {
  test::SafetensorsBuilder b;
  b.header =
      R"({"b":{"data_offsets":[1,2],"shape":[1],"dtype":"U8"},"\u0061":{"dtype":"I8","shape":[],)"
      R"("data_offsets":[0,1]}}   )";
  b.tail = "xy";
  const std::string bytes = b.bytes();
  const SafetensorsFile file = parse_safetensors(as_bytes(bytes));
  REQUIRE(file.tensors.size() == 2);
  CHECK(file.tensors[0].name == "a");
  CHECK(file.tensors[1].name == "b");
  CHECK(static_cast<char>(file.tensors[1].bytes[0]) == 'y');
}

TEST_CASE("real files of every type are read") {
  const auto folder = test::material("models/safetensors-dtypes");
  if (!folder) return;
  for (const char* name :
       {"B_upper", "H_upper", "I_upper", "b", "d", "e", "f", "h", "i", "overall"}) {
    const std::string bytes = test::read_text(*folder + "/" + name + ".safetensors");
    INFO(name);
    CHECK(!parse_safetensors(as_bytes(bytes)).tensors.empty());
  }
}

}  // namespace nalar::io
