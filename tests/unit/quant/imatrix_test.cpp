#include "quant/imatrix.h"

#include <nalar/error.h>

#include <span>

#include "io/gguf_reader.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/fault_file_system.h"
#include "support/gguf_builder.h"

namespace nalar::quant {
namespace {

// What llama-imatrix writes, in its form.
test::GgufBuilder builder() {
  test::GgufBuilder b;
  b.text("general.type", "imatrix").texts("imatrix.datasets", {"text.txt"});
  b.number<uint32_t>("imatrix.chunk_count", 3).number<uint32_t>("imatrix.chunk_size", 512);
  b.tensor("blk.0.attn_q.weight.in_sum2", {1, 4}, test::bytes_of(std::vector<float>{0, 3, 6, 9}));
  b.tensor("blk.0.attn_q.weight.counts", {1, 1}, test::bytes_of(std::vector<float>{3}));
  return b;
}

std::string error_of(const std::string& bytes) {
  test::MemoryDisk disk;
  const auto file = disk.create("/i.gguf", 0644);
  file->write(std::as_bytes(std::span(bytes)));
  file->close();
  return test::error_of([&] { read_imatrix(disk, "/i.gguf"); });
}

}  // namespace

TEST_CASE("llama.cpp's form is read, means are of what was counted") {
  test::MemoryDisk disk;
  const auto file = disk.create("/i.gguf", 0644);
  const std::string bytes = builder().bytes();
  file->write(std::as_bytes(std::span(bytes)));
  file->close();
  const Imatrix imatrix = read_imatrix(disk, "/i.gguf");
  CHECK(imatrix.datasets == std::vector<std::string>{"text.txt"});
  CHECK(imatrix.chunk_count == 3);
  CHECK(imatrix.chunk_size == 512);
  REQUIRE(imatrix.entries.size() == 1);
  CHECK(imatrix.entries.begin()->second.count == 3);
  ImatrixStatistics statistics(imatrix);
  const auto means = statistics.importance("blk.0.attn_q.weight");
  CHECK(std::vector<float>(means.begin(), means.end()) == std::vector<float>{0, 1, 2, 3});
  CHECK(statistics.importance("blk.0.attn_k.weight").empty());
  CHECK(statistics.hessian("blk.0.attn_q.weight") == nullptr);
}

TEST_CASE("what is written is read back") {
  test::MemoryDisk disk;
  Imatrix imatrix;
  imatrix.datasets = {"a.txt", "b.txt"};
  imatrix.chunk_count = 7;
  imatrix.chunk_size = 64;
  imatrix.entries["a.weight"] = {{1, 2, 3}, 4};
  imatrix.entries["b.weight"] = {{0.5f}, 2};
  write_imatrix(disk, "/i.gguf", imatrix);
  const Imatrix back = read_imatrix(disk, "/i.gguf");
  CHECK(back.datasets == imatrix.datasets);
  CHECK(back.chunk_count == 7);
  CHECK(back.chunk_size == 64);
  REQUIRE(back.entries.size() == 2);
  CHECK(back.entries.at("a.weight").sums == std::vector<float>{1, 2, 3});
  CHECK(back.entries.at("b.weight").count == 2);
  // The counts have llama.cpp's shape.
  const auto file = disk.map("/i.gguf", io::kNoLimit);
  const io::GgufFile gguf = io::parse_gguf(file->bytes());
  REQUIRE(gguf.tensors.size() == 4);
  CHECK(gguf.tensors[0].name == "a.weight.in_sum2");
  CHECK(gguf.tensors[0].shape == std::vector<int64_t>{1, 3});
  CHECK(gguf.tensors[1].shape == std::vector<int64_t>{1, 1});
}

TEST_CASE("what is no importance matrix is refused by what it is") {
  CHECK(error_of("\x01\x02\x03\x04\x05\x06\x07\x08").find("older form") != std::string::npos);
  CHECK(error_of("").find("older form") != std::string::npos);
  CHECK(error_of(test::small_gguf().bytes()).ends_with("key general.type is not \"imatrix\""));
  test::GgufBuilder none;
  none.text("general.type", "imatrix");
  CHECK(error_of(none.bytes()).ends_with("an importance matrix without a tensor NAME.in_sum2"));
  test::GgufBuilder lonely = builder();
  lonely.tensors.pop_back();
  CHECK(error_of(lonely.bytes()).ends_with("tensor blk.0.attn_q.weight.counts: missing"));
  test::GgufBuilder zero = builder();
  zero.tensors.back().data = test::bytes_of(std::vector<float>{0});
  CHECK(error_of(zero.bytes()).ends_with("nothing was counted"));
  // The mean would be beyond fp32.
  zero.tensors.back().data = test::bytes_of(std::vector<float>{1e-38f});
  CHECK(error_of(zero.bytes()).ends_with("nothing was counted"));
  test::GgufBuilder negative = builder();
  negative.tensors.front().data = test::bytes_of(std::vector<float>{0, -1, 0, 0});
  CHECK(error_of(negative.bytes()).find("holds -1: need numbers that are not negative") !=
        std::string::npos);
  test::GgufBuilder experts = builder();
  experts.tensors.back().dimensions = {1, 2};
  experts.tensors.back().data = test::bytes_of(std::vector<float>{1, 2});
  CHECK(error_of(experts.bytes()).find("matrices of experts are not supported") !=
        std::string::npos);
}

}  // namespace nalar::quant
