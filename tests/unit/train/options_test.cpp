#include "train/options.h"

#include <nalar/error.h>

#include <cmath>
#include <functional>

#include "support/catch.h"
#include "support/error_of.h"

namespace nalar::train {
namespace {

FinetuneOptions good() {
  FinetuneOptions options;
  options.data.paths = {"rows.jsonl"};
  return options;
}

TEST_CASE("the defaults are valid") { good().validate(); }

TEST_CASE("a value out of its range is named by its option") {
  const std::vector<std::pair<const char*, std::function<void(FinetuneOptions&)>>> bad = {
      {"--epochs: got 0", [](auto& o) { o.epochs = 0; }},
      {"--epochs: got nan", [](auto& o) { o.epochs = NAN; }},
      {"--steps: got -1", [](auto& o) { o.steps = -1; }},
      {"--lr: got 0", [](auto& o) { o.lr = 0; }},
      {"--lr: got inf", [](auto& o) { o.lr = INFINITY; }},
      {"--warmup: got 1.5", [](auto& o) { o.warmup = 1.5; }},
      {"--weight-decay: got -1", [](auto& o) { o.weight_decay = -1; }},
      {"--clip: got -1", [](auto& o) { o.clip = -1; }},
      {"--batch-tokens: got -1", [](auto& o) { o.batch_tokens = -1; }},
      {"--batch-rows: got -1", [](auto& o) { o.batch_rows = -1; }},
      {"--canaries: got -1", [](auto& o) { o.canaries = -1; }},
      {"--canaries: got 10001", [](auto& o) { o.canaries = 10001; }},
      {"--canary-repeats: got 0", [](auto& o) { o.canary_repeats = 0; }},
      {"--canary-repeats: got 101, need 1000000 rows of all canaries at most",
       [](auto& o) {
         o.canaries = 10'000;
         o.canary_repeats = 101;
       }},
      {"--accumulate: got 0", [](auto& o) { o.accumulate = 0; }},
      {"--dropout: got 1",
       [](auto& o) {
         o.dropout = 1;
         o.method = Method::full;
       }},
      {"--valid-split: got 1", [](auto& o) { o.valid_split = 1; }},
      {"--keep: got 0", [](auto& o) { o.keep = 0; }},
      {"--checkpoint-every: got -1", [](auto& o) { o.checkpoint_every = -1; }},
      {"--eval-every: got -1", [](auto& o) { o.eval_every = -1; }},
      {"--early-stop: got -1", [](auto& o) { o.early_stop = -1; }},
      {"--max-time: got -1", [](auto& o) { o.max_seconds = -1; }},
      {"--threads: got -1", [](auto& o) { o.threads = -1; }},
  };
  for (const auto& [begin, change] : bad) {
    FinetuneOptions options = good();
    change(options);
    CHECK(test::error_of([&] { options.validate(); }).substr(0, std::string(begin).size()) ==
          begin);
  }
}

TEST_CASE("options that say opposite things are refused") {
  FinetuneOptions options = good();
  SECTION("rows of an update and micro-batches of one") {
    options.batch_rows = 8;
    options.accumulate = 2;
  }
  SECTION("two kinds of validation") {
    options.valid = "v.jsonl";
    options.valid_split = 0.1;
  }
  SECTION("an adapter and all weights") {
    options.method = Method::full;
    options.adapter = "a";
  }
  SECTION("dropout without an adapter") {
    options.method = Method::full;
    options.dropout = 0.1;
  }
  CHECK(test::error_of([&] { options.validate(); }).starts_with("--"));
}

TEST_CASE("settings have what the recipe has, and names without folders") {
  FinetuneOptions options = good();
  options.data.paths = {"../secret/rows.jsonl"};
  options.valid = "/home/secret/valid.csv";
  options.adapter = "secret/start/";
  const Json settings = settings_json(options);
  const Json recipe = recipe_json(good());
  for (const auto& [key, value] : recipe.as_object()) {
    REQUIRE(settings.find(key) != nullptr);
    CHECK(to_text(*settings.find(key)) == to_text(value));
  }
  CHECK(to_text(*settings.find("data")) == "[\"rows.jsonl\"]");
  CHECK(to_text(*settings.find("valid")) == "\"valid.csv\"");
  CHECK(to_text(*settings.find("adapter")) == "\"start\"");
  CHECK(to_text(settings).find("secret") == std::string::npos);
  CHECK(to_text(*recipe.find("schedule")) == "\"cosine\"");
}

}  // namespace
}  // namespace nalar::train
