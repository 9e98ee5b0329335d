#include "train/lr_schedule.h"

#include <cmath>
#include <vector>

#include "support/catch.h"

namespace nalar::train {
namespace {

TEST_CASE("factors are those of transformers") {
  // get_linear_schedule_with_warmup and get_cosine_schedule_with_warmup of transformers, 3 warmup
  // steps of 10, by their formulas with Python's numbers.
  const std::vector<double> linear = {0,       1.0 / 3, 2.0 / 3, 1,       6.0 / 7,
                                      5.0 / 7, 4.0 / 7, 3.0 / 7, 2.0 / 7, 1.0 / 7};
  const std::vector<double> cosine = {0,
                                      0.3333333333333333,
                                      0.6666666666666666,
                                      1,
                                      0.9504844339512095,
                                      0.8117449009293668,
                                      0.6112604669781572,
                                      0.3887395330218429,
                                      0.1882550990706333,
                                      0.04951556604879048};
  for (int64_t i = 0; i < 10; ++i) {
    CAPTURE(i);
    const auto at = static_cast<size_t>(i);
    CHECK(lr_factor(Schedule::linear, i, 10, 3) == Approx(linear[at]).epsilon(1e-14));
    CHECK(lr_factor(Schedule::cosine, i, 10, 3) == Approx(cosine[at]).epsilon(1e-14));
    CHECK(lr_factor(Schedule::constant, i, 10, 3) == std::min(1.0, static_cast<double>(i) / 3));
  }
}

TEST_CASE("without warmup the first update has the whole rate") {
  for (const Schedule s : {Schedule::constant, Schedule::linear, Schedule::cosine}) {
    CHECK(lr_factor(s, 0, 1, 0) == 1);
  }
}

TEST_CASE("after the last update nothing is negative") {
  CHECK(lr_factor(Schedule::linear, 10, 10, 3) == 0);
  CHECK(lr_factor(Schedule::cosine, 10, 10, 3) == Approx(0).margin(1e-15));
  CHECK(lr_factor(Schedule::linear, 10, 10, 10) == 1);  // all is warmup
}

TEST_CASE("the warmup is rounded up") {
  CHECK(warmup_updates(0, 100) == 0);
  CHECK(warmup_updates(0.03, 10) == 1);
  CHECK(warmup_updates(0.03, 100) == 3);
  CHECK(warmup_updates(1, 7) == 7);
}

}  // namespace
}  // namespace nalar::train
