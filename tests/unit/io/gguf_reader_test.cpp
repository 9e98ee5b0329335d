#include "io/gguf_reader.h"

#include <nalar/error.h>

#include "support/catch.h"
#include "support/gguf_builder.h"

namespace nalar::io {
namespace {

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

TEST_CASE("keys of every type are read as they were written") {
  const std::string bytes = test::small_gguf().bytes();
  const GgufFile file = parse_gguf(as_bytes(bytes));
  const GgufMetadata& m = file.metadata;
  CHECK(file.version == 3);
  CHECK(file.alignment == 64);
  CHECK(m.need_string("general.architecture") == "test");
  CHECK(m.integer("a.u8") == 1);
  CHECK(m.integer("a.i8") == -1);
  CHECK(m.integer("a.u16") == 2);
  CHECK(m.integer("a.i16") == -2);
  CHECK(m.integer("a.u32") == 3);
  CHECK(m.integer("a.i32") == -3);
  CHECK(m.integer("a.u64") == 4);
  CHECK(m.integer("a.i64") == -4);
  CHECK(m.number("a.f32") == 0.5);
  CHECK(m.number("a.f64") == 0.25);
  CHECK(m.number("a.u8") == 1.0);
  CHECK(m.boolean("a.bool") == true);
  CHECK(m.find("a.texts")->strings() ==
        std::vector<std::string_view>{"", "one", "\xc3\xa9", "\xff"});
  CHECK(m.find("a.numbers")->integers() == std::vector<int64_t>{1, -2, 3});
  CHECK(m.find("a.floats")->floats() == std::vector<float>{0.f, 1.5f});
  CHECK_FALSE(m.find("a.texts")->integers());
  CHECK_FALSE(m.find("a.floats")->strings());
  CHECK_FALSE(m.find("nothing"));
}

TEST_CASE("a key of another kind, or none, is an error that names it") {
  const std::string bytes = test::GgufBuilder().text("a", "b").bytes();
  const GgufFile file = parse_gguf(as_bytes(bytes));
  CHECK_FALSE(file.metadata.integer("c"));
  CHECK_THROWS_WITH(file.metadata.integer("a"), "key a: got string, need an integer");
  CHECK_THROWS_WITH(file.metadata.boolean("a"), "key a: got string, need a bool");
  CHECK_THROWS_WITH(file.metadata.need_integer("c"), "key c is missing");
}

TEST_CASE("tensors have row-major shapes and their own bytes") {
  const std::string bytes = test::small_gguf().bytes();
  const GgufFile file = parse_gguf(as_bytes(bytes));
  REQUIRE(file.tensors.size() == 5);
  const TensorView& matrix = file.tensors[1];
  CHECK(matrix.name == "matrix");
  CHECK(matrix.shape == std::vector<int64_t>{3, 4});
  CHECK(matrix.bytes.size() == 48);
  CHECK(std::string(reinterpret_cast<const char*>(matrix.bytes.data()), 48) ==
        test::some_floats(12));
  CHECK(file.tensors[0].shape == std::vector<int64_t>{5});
  CHECK(file.tensors[2].dtype == DType::q8_0);
  CHECK(file.tensors[2].bytes.size() == 68);
  CHECK(file.tensors[3].shape == std::vector<int64_t>{0, 4});
  CHECK(file.tensors[3].bytes.empty());
  CHECK(file.tensors[4].shape == std::vector<int64_t>{2, 2, 2});
  for (const TensorView& t : file.tensors) {
    if (!t.bytes.empty()) {
      CHECK((t.bytes.data() - as_bytes(bytes).data()) % 64 == 0);
    }
  }
}

TEST_CASE("a type that is known but not supported is refused by its name") {
  test::GgufBuilder b;
  b.tensor("t", {256}, 16, std::string(66, '\0'));
  CHECK_THROWS_WITH(parse_gguf(as_bytes(b.bytes())),
                    "tensor t has type IQ2_XXS, which is not supported");
}

TEST_CASE("version 2 and a file without tensors are read") {
  test::GgufBuilder b;
  b.version = 2;
  CHECK(parse_gguf(as_bytes(b.text("a", "b").bytes())).tensors.empty());
}

}  // namespace nalar::io
