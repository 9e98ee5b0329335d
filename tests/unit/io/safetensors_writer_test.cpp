#include "io/safetensors_writer.h"

#include <nalar/error.h>
#include <nalar/tensor.h>

#include "io/safetensors_reader.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/fault_file_system.h"
#include "support/material.h"

namespace nalar::io {
namespace {

TensorToWrite tensor(const std::string& name, DType dtype, std::vector<int64_t> shape,
                     const std::string& bytes) {
  return {name, dtype, std::move(shape), [bytes](OutputFile& file) {
            // In two pieces.
            const auto all = std::as_bytes(std::span(bytes));
            file.write(all.first(all.size() / 2));
            file.write(all.subspan(all.size() / 2));
          }};
}

// As scripts/make_golden_safetensors.py makes them.
std::vector<TensorToWrite> every_type() {
  const std::pair<const char*, DType> kTypes[] = {{"bool", DType::boolean},
                                                  {"uint8", DType::u8},
                                                  {"int8", DType::i8},
                                                  {"int16", DType::i16},
                                                  {"uint16", DType::u16},
                                                  {"float16", DType::f16},
                                                  {"bfloat16", DType::bf16},
                                                  {"int32", DType::i32},
                                                  {"uint32", DType::u32},
                                                  {"float32", DType::f32},
                                                  {"float64", DType::f64},
                                                  {"int64", DType::i64},
                                                  {"uint64", DType::u64},
                                                  {"float8_e4m3fn", DType::f8_e4m3},
                                                  {"float8_e5m2", DType::f8_e5m2}};
  std::vector<TensorToWrite> tensors;
  int i = 0;
  for (const auto& [name, dtype] : kTypes) {
    std::string data;
    for (int j = 0; j < 3 * block_size(dtype).bytes; ++j) data += static_cast<char>(16 * i + j);
    tensors.push_back(tensor(std::string("of ") + name, dtype, {3}, data));
    ++i;
  }
  tensors.push_back(tensor("é \"quoted\" \\ \n\x01", DType::f32, {}, "abcd"));
  tensors.push_back(tensor("Z", DType::f32, {1, 1}, "efgh"));
  tensors.push_back(tensor("empty", DType::f32, {0, 3}, ""));
  return tensors;
}

}  // namespace

TEST_CASE("a file is that of the reference writer, byte for byte, and private") {
  test::MemoryDisk disk;
  write_safetensors(disk, "/t", every_type(), {{"format", "pt"}});
  CHECK(disk.bytes("/t") == test::read_text(test::golden("safetensors/every_type.safetensors")));
  CHECK(disk.mode("/t") == 0600);
  write_safetensors(disk, "/nothing", {}, {});
  CHECK(disk.bytes("/nothing") == test::read_text(test::golden("safetensors/nothing.safetensors")));
}

TEST_CASE("our reader reads what was written") {
  test::MemoryDisk disk;
  write_safetensors(disk, "/t",
                    {tensor("b", DType::f32, {2, 1}, "12345678"),
                     tensor("a", DType::i64, {}, "abcdefgh"), tensor("c", DType::u8, {3}, "xyz")},
                    {{"format", "pt"}, {"note", "\"é\"\n"}});
  const SafetensorsFile file = parse_safetensors(std::as_bytes(std::span(disk.bytes("/t"))));
  CHECK(file.metadata == Metadata{{"format", "pt"}, {"note", "\"é\"\n"}});
  REQUIRE(file.tensors.size() == 3);
  CHECK(file.tensors[0].name == "a");
  CHECK(file.tensors[1].name == "b");
  CHECK(file.tensors[1].shape == std::vector<int64_t>{2, 1});
  CHECK(file.tensors[1].bytes.size() == 8);
  CHECK(file.tensors[1].bytes[7] == std::byte{'8'});
  CHECK(file.tensors[2].dtype == DType::u8);
}

TEST_CASE("what the format cannot say is our bug, and leaves no file") {
  test::MemoryDisk disk;
  const auto problem = [&](std::vector<TensorToWrite> tensors) {
    return test::error_of([&] { write_safetensors(disk, "/t", std::move(tensors), {}); });
  };
  CHECK(problem({tensor("q", DType::q8_0, {32}, "")}) == "tensor q: safetensors has no type Q8_0");
  CHECK(problem({tensor("a", DType::f32, {1}, "1234"), tensor("a", DType::u8, {1}, "1")}) ==
        "two tensors are named a");
  CHECK(problem({tensor("__metadata__", DType::u8, {1}, "1")}) ==
        "two tensors are named __metadata__");
  CHECK(problem({tensor("a", DType::f32, {2}, "1234567")}) == "tensor a: got 7 bytes, need 8");
  CHECK(disk.list("/").empty());
}

TEST_CASE("a full or failing disk leaves no file, and an old file stays") {
  for (uint64_t room = 0; room < 1379; room += 100) {
    test::MemoryDisk disk(room);
    CHECK_THROWS_AS(write_safetensors(disk, "/t", every_type(), {{"format", "pt"}}), Error);
    CHECK(disk.list("/").empty());
  }
  const auto write = [](FileSystem& fs) {
    write_safetensors(fs, "/t", every_type(), {{"format", "pt"}});
  };
  const int calls = test::fail_each_call(
      test::MemoryDisk(), write, [](test::MemoryDisk& after, const test::Fault& fault) {
        REQUIRE(fault.error);
        CHECK(std::string_view(fault.error->what()) == "/t: injected");
        CHECK(after.list("/").empty());
      });
  CHECK(calls > 20);
  test::MemoryDisk disk;
  disk.create("/t", 0600)->close();
  try {
    write_safetensors(disk, "/t", every_type(), {});
    FAIL("made over an old file");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::cannot_create);
  }
  CHECK(disk.bytes("/t").empty());
}

}  // namespace nalar::io
