#include "io/gguf_writer.h"

#include <nalar/error.h>
#include <nalar/tensor.h>

#include <numeric>
#include <span>

#include "io/gguf_reader.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/fault_file_system.h"
#include "support/gguf_builder.h"
#include "support/material.h"

namespace nalar::io {
namespace {

GgufTensorToWrite tensor(const std::string& name, DType dtype, std::vector<int64_t> shape,
                         const std::string& bytes) {
  return {name, dtype, std::move(shape), [bytes](OutputFile& file) {
            // In two pieces.
            const auto all = std::as_bytes(std::span(bytes));
            file.write(all.first(all.size() / 2));
            file.write(all.subspan(all.size() / 2));
          }};
}

std::string counting_bytes(size_t n) {
  std::string out(n, '\0');
  std::iota(out.begin(), out.end(), '\0');
  return out;
}

// As scripts/make_golden_gguf.py makes them.
GgufKeys every_kind() {
  GgufKeys keys;
  keys.set("general.architecture", "test");
  keys.set_u32("a.u32", 3);
  keys.set_u64("a.u64", uint64_t{1} << 40);
  keys.set_i32("a.i32", -3);
  keys.set_f32("a.f32", 0.5f);
  keys.set_bool("a.bool", true);
  keys.set("a.text", "é \n");
  keys.set("a.texts", std::vector<std::string>{"", "one", "é"});
  keys.set("a.numbers", std::vector<int32_t>{1, -2, 3});
  keys.set("a.floats", std::vector<float>{0.5f, -1.5f});
  keys.set("a.bools", std::vector<bool>{true, false});
  return keys;
}

std::vector<GgufTensorToWrite> some_tensors() {
  std::string halves;
  for (const uint16_t half : {0x0000, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600, 0x4700,
                              0x4800, 0x4880, 0x4900, 0x4980}) {
    test::append(halves, half);
  }
  return {tensor("vector", DType::f32, {5}, test::bytes_of(std::vector<float>{0, 1, 2, 3, 4})),
          tensor("half", DType::f16, {2, 3, 2}, halves),
          tensor("q8", DType::q8_0, {2, 32}, counting_bytes(68)),
          tensor("q4", DType::q4_k, {1, 256}, counting_bytes(144))};
}

std::string written(const GgufKeys& keys, const std::vector<GgufTensorToWrite>& tensors) {
  test::MemoryDisk disk;
  const auto file = disk.create("/t", 0644);
  write_gguf(*file, keys, tensors);
  file->close();
  return disk.bytes("/t");
}

}  // namespace

TEST_CASE("a file is that of the format's own writer, byte for byte") {
  GgufKeys keys = every_kind();
  CHECK(written(keys, some_tensors()) == test::read_text(test::golden("gguf/every_kind.gguf")));
  keys.set_u32("general.alignment", 64);
  CHECK(written(keys, some_tensors()) == test::read_text(test::golden("gguf/aligned.gguf")));
}

TEST_CASE("its size is known before it is written") {
  GgufKeys keys = every_kind();
  CHECK(gguf_size(keys, some_tensors()) == written(keys, some_tensors()).size());
  keys.set_u32("general.alignment", 4096);
  CHECK(gguf_size(keys, some_tensors()) == written(keys, some_tensors()).size());
  CHECK(gguf_size({}, {}) == written({}, {}).size());
}

TEST_CASE("our reader reads the GGUF that was written") {
  const std::string bytes = written(every_kind(), some_tensors());
  const GgufFile file = parse_gguf(std::as_bytes(std::span(bytes)));
  CHECK(file.metadata.entries().size() == 11);
  CHECK(file.metadata.string("a.text") == "é \n");
  CHECK(file.metadata.integer("a.u64") == int64_t{1} << 40);
  REQUIRE(file.tensors.size() == 4);
  CHECK(file.tensors[1].shape == std::vector<int64_t>{2, 3, 2});
  CHECK(file.tensors[3].dtype == DType::q4_k);
  CHECK(file.tensors[3].bytes[143] == std::byte{143});
}

TEST_CASE("keys of another file are copied as they are") {
  const std::string from = test::small_gguf().bytes();
  const GgufFile source = parse_gguf(std::as_bytes(std::span(from)));
  GgufKeys keys;
  for (const auto& [key, value] : source.metadata.entries()) keys.copy(key, value);
  CHECK(keys.alignment() == 64);
  const std::string to = written(keys, {});
  const GgufFile copy = parse_gguf(std::as_bytes(std::span(to)));
  REQUIRE(copy.metadata.entries().size() == source.metadata.entries().size());
  for (size_t i = 0; i < copy.metadata.entries().size(); ++i) {
    const auto& [key, value] = copy.metadata.entries()[i];
    const auto& [was_key, was] = source.metadata.entries()[i];
    CHECK(key == was_key);
    CHECK(type_name(value) == type_name(was));
    CHECK(std::equal(value.bytes.begin(), value.bytes.end(), was.bytes.begin(), was.bytes.end()));
  }
}

TEST_CASE("a key that is set again keeps its place, one that is removed is gone") {
  GgufKeys keys;
  keys.set("a", "long text");
  keys.set("b", "b");
  keys.set_u32("a", 1);
  keys.set_u32("general.alignment", 64);
  CHECK(keys.has("b"));
  keys.remove("b");
  keys.remove("general.alignment");
  CHECK_FALSE(keys.has("b"));
  CHECK(keys.alignment() == 32);
  CHECK(keys.size() == 1);
  const std::string bytes = written(keys, {});
  CHECK(parse_gguf(std::as_bytes(std::span(bytes))).metadata.integer("a") == 1);
}

TEST_CASE("as many keys as a reader takes are set in no time") {
  GgufKeys keys;
  for (int i = 0; i < 65'000; ++i) keys.set_u32("key." + std::to_string(i), 1);
  keys.set_u32("key.7", 2);
  CHECK(keys.size() == 65'000);
  keys.remove("key.8");
  CHECK(keys.has("key.64999"));
  CHECK_FALSE(keys.has("key.8"));
  const std::string bytes = written(keys, {});
  CHECK(parse_gguf(std::as_bytes(std::span(bytes))).metadata.integer("key.7") == 2);
}

TEST_CASE("keys get values of the same size after the tensors were written") {
  test::MemoryDisk disk;
  const GgufKeys before = every_kind();
  GgufKeys keys = before;
  const auto file = disk.create("/t", 0644);
  write_gguf(*file, before, some_tensors());
  keys.set_f32("a.f32", 8);
  rewrite_gguf_keys(*file, before, keys, some_tensors());
  GgufKeys longer = keys;
  longer.set("more", std::string(100, 'x'));
  CHECK(test::error_of([&] {
          rewrite_gguf_keys(*file, before, longer, some_tensors());
        }).starts_with("other keys: got "));
  CHECK(file->path() == "/t");
  file->close();
  CHECK(disk.bytes("/t") == written(keys, some_tensors()));
}

TEST_CASE("tensors are handed over in their turn and lie in their order") {
  std::vector<std::string> order;
  std::vector<GgufTensorToWrite> tensors;
  const auto add = [&](const std::string& name, std::optional<int> turn) {
    auto& tensor = tensors.emplace_back(GgufTensorToWrite{name, DType::f32, {1}, {}, turn});
    tensor.write = [&order, name](OutputFile& file) {
      order.push_back(name);
      file.write(std::as_bytes(std::span(name)).first(1));
      file.write(std::as_bytes(std::span(name)).subspan(1, 3));
    };
  };
  add("head", 9), add("norm", {}), add("tenth", 10), add("first", 1), add("more", {});
  add("second", 2), add("last", 12);
  const std::string bytes = written({}, tensors);
  CHECK(order ==
        std::vector<std::string>{"norm", "first", "more", "second", "head", "tenth", "last"});
  const GgufFile file = parse_gguf(std::as_bytes(std::span(bytes)));
  for (const TensorView& tensor : file.tensors) {
    CHECK(std::string(reinterpret_cast<const char*>(tensor.bytes.data()), 4) ==
          tensor.name.substr(0, 4));
  }
}

TEST_CASE("what the format cannot have is refused before anything is written") {
  const auto error_of = [](const GgufTensorToWrite& bad) {
    test::MemoryDisk disk;
    const auto file = disk.create("/t", 0644);
    const std::string error = test::error_of([&] { write_gguf(*file, {}, {bad}); });
    CHECK(disk.bytes("/t").empty());
    return error;
  };
  CHECK(error_of(tensor("odd", DType::q4_0, {2, 33}, "")) ==
        "tensor odd: rows of 33 values cannot be Q4_0: its blocks have 32");
  CHECK(error_of(tensor(std::string(64, 'n'), DType::f32, {}, "1234")) ==
        "tensor " + std::string(64, 'n') + ": its name has 64 bytes, GGUF allows 63");
  CHECK(error_of(tensor("deep", DType::f32, {1, 1, 1, 1, 1}, "1234")) ==
        "tensor deep: it has 5 dimensions, GGUF allows 4");
  CHECK(error_of(tensor("large", DType::f32, {int64_t{1} << 62, 4}, "1234")) ==
        "tensor large: its size overflows");
  CHECK(gguf_size({}, {tensor("none", DType::f32, {int64_t{1} << 62, 4, 0}, "")}) ==
        gguf_size({}, {tensor("none", DType::f32, {1, 1, 0}, "")}));
  CHECK(error_of(tensor("u8", DType::u8, {1}, "1")) == "tensor u8: GGUF has no type U8");
  GgufKeys keys;
  CHECK(test::error_of([&] { keys.set_u32("general.alignment", 33); }) ==
        "key general.alignment must be a u32 power of two");
}

TEST_CASE("a tensor that hands over another number of bytes is our error") {
  CHECK(test::error_of([] { written({}, {tensor("short", DType::f32, {2}, "1234")}); }) ==
        "tensor short: got 4 bytes, need 8");
  const auto twice = tensor("same", DType::f32, {1}, "1234");
  CHECK(test::error_of([&] {
          written({}, {twice, twice});
        }) == "tensor same: its name is there twice");
}

}  // namespace nalar::io
