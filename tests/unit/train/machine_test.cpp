#include "train/machine.h"

#include "support/catch.h"

namespace nalar::train {
namespace {

TEST_CASE("the processor's name in /proc/cpuinfo") {
  CHECK(parse_cpu_name("processor\t: 0\nmodel name\t: AMD Some 7\nflags\t\t: fpu avx2 sse\n"
                       "processor\t: 1\nmodel name\t: other\n") == "AMD Some 7");
  CHECK(parse_cpu_name("").empty());
  CHECK(parse_cpu_name("model name\nmodel name\t:").empty());
}

TEST_CASE("bf16 is chosen only where it is by far faster, or asked for") {
  const auto bf16_is = [](double times) {
    return [times](TrainDtype dtype) { return dtype == TrainDtype::bf16 ? times : 1.0; };
  };
  CHECK(choose_dtype(TrainDtype::automatic, bf16_is(3)) == TrainDtype::bf16);
  CHECK(choose_dtype(TrainDtype::automatic, bf16_is(1.1)) == TrainDtype::fp32);
  CHECK(choose_dtype(TrainDtype::automatic, bf16_is(0.02)) == TrainDtype::fp32);
  CHECK(choose_dtype(TrainDtype::automatic, [](TrainDtype) { return 0.0; }) == TrainDtype::fp32);
  // Nothing is measured then.
  CHECK(choose_dtype(TrainDtype::bf16, nullptr) == TrainDtype::bf16);
  CHECK(choose_dtype(TrainDtype::fp32, nullptr) == TrainDtype::fp32);
}

}  // namespace
}  // namespace nalar::train
