#include "train/machine.h"

#include "support/catch.h"

namespace nalar::train {
namespace {

TEST_CASE("what /proc/cpuinfo says") {
  const CpuInfo zen4 = parse_cpu_info(
      "processor\t: 0\nmodel name\t: AMD Some 7\nflags\t\t: fpu avx2 avx512_bf16 sse\n"
      "processor\t: 1\nmodel name\t: other\n");
  CHECK(zen4.model == "AMD Some 7");
  CHECK(zen4.bf16_products);
  CHECK_FALSE(parse_cpu_info("flags : avx512_bf16x amx\n").bf16_products);
  CHECK(parse_cpu_info("flags\t: a amx_bf16").bf16_products);
  CHECK(parse_cpu_info("").model.empty());
  CHECK(parse_cpu_info("model name\nmodel name\t:").model.empty());
}

TEST_CASE("bf16 is chosen only where there are instructions for it, or asked for") {
  CHECK(choose_dtype(TrainDtype::automatic, {"", true}) == TrainDtype::bf16);
  CHECK(choose_dtype(TrainDtype::automatic, {"", false}) == TrainDtype::fp32);
  CHECK(choose_dtype(TrainDtype::bf16, {"", false}) == TrainDtype::bf16);
  CHECK(choose_dtype(TrainDtype::fp32, {"", true}) == TrainDtype::fp32);
}

}  // namespace
}  // namespace nalar::train
