#include "finetune_progress.h"

#include "support/catch.h"

namespace nalar::apps {
namespace {

FinetuneEvent event() {
  FinetuneEvent e;
  e.step = 50;
  e.steps = 200;
  e.loss = 2.1844;
  e.lr = 2e-4;
  e.gradient_norm = 0.5;
  e.tokens_per_s = 251.4;
  e.seconds_left = 65.2;
  e.peak_bytes = 612'300'000;
  return e;
}

}  // namespace

TEST_CASE("the status line fits its columns") {
  CHECK(status_text(event(), 80) ==
        "50/200 [====>              ]  loss 2.184  251 tokens/s  1 min 05 s left  612 MB");
  CHECK(status_text(event(), 66) == "50/200  loss 2.184  251 tokens/s  1 min 05 s left  612 MB");
  CHECK(status_text(event(), 40) == "50/200  loss 2.184  251 tokens/s");
  CHECK(status_text(event(), 1) == "50/200");
  for (int columns = 8; columns < 200; ++columns) {
    CHECK(static_cast<int>(status_text(event(), columns).size()) < columns);
  }
}

TEST_CASE("the bar is empty at the start and full at the end") {
  FinetuneEvent e = event();
  e.step = 0;
  CHECK(status_text(e, 120).find("[>     ") != std::string::npos);
  e.step = e.steps;
  CHECK(status_text(e, 120).find("=]") != std::string::npos);
  e.steps = 0;
  CHECK(status_text(e, 120).find("[>     ") != std::string::npos);
}

TEST_CASE("a line for a log") {
  CHECK(update_text(event()) ==
        "update 50/200: loss 2.184, lr 0.0002, gradient norm 0.5, 251 tokens/s, 1 min 05 s left, "
        "612 MB");
}

TEST_CASE("the result as JSON and as text") {
  FinetuneResult r;
  r.steps = 3;
  r.tokens = 300;
  r.label_tokens = 100;
  r.train_loss = 1.5;
  r.seconds = 125;
  r.tokens_per_s = 2.4;
  r.peak_bytes = 1'000'000;
  CHECK(to_text(result_json(r)) ==
        "{\"steps\":3,\"tokens\":300,\"label_tokens\":100,\"train_loss\":1.5,\"valid_loss\":null,"
        "\"valid_loss_before\":null,\"best_step\":0,\"seconds\":125.0,\"tokens_per_s\":2.4,"
        "\"peak_bytes\":1000000}");
  CHECK(result_text(r).find("validation") == std::string::npos);
  r.first_valid_loss = 3;
  r.valid_loss = 2;
  r.best_step = 2;
  CHECK(result_text(r).find("validation loss  3.0000 → 2.0000, best at update 2\n") !=
        std::string::npos);
  CHECK(result_text(r).find("2 min 05 s, 2.4 tokens/s") != std::string::npos);
}

}  // namespace nalar::apps
