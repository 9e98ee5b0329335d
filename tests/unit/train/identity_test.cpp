#include "train/identity.h"

#include <nalar/error.h>

#include "support/catch.h"
#include "support/error_of.h"

namespace nalar::train {
namespace {

Origin some_origin() {
  return {.base = "b",
          .adapter = "",
          .data = "d",
          .valid = "v",
          .chat_template = "t",
          .build = "1",
          .isa = "avx2",
          .device = "cpu",
          .threads = 2};
}

TEST_CASE("the same run is the same") {
  check_identity(identity_json(some_origin(), {}), identity_json(some_origin(), {}));
}

TEST_CASE("how and where it is saved may change") {
  FinetuneOptions options;
  options.out = "elsewhere";
  options.resume = true;
  options.checkpoint_every = 7;
  options.checkpoint_minutes = 1;
  options.keep = 9;
  options.max_seconds = 60;
  options.tensorboard = true;
  options.data.paths = {"the same rows in another place"};
  check_identity(identity_json(some_origin(), {}), identity_json(some_origin(), options));
}

TEST_CASE("each thing that decides what comes out is compared") {
  const std::vector<std::pair<const char*, std::function<void(Origin&, FinetuneOptions&)>>>
      changes = {
          {"base", [](Origin& o, FinetuneOptions&) { o.base = "c"; }},
          {"start", [](Origin& o, FinetuneOptions&) { o.adapter = "a"; }},
          {"data", [](Origin& o, FinetuneOptions&) { o.data = "e"; }},
          {"validation data", [](Origin& o, FinetuneOptions&) { o.valid = ""; }},
          {"template", [](Origin& o, FinetuneOptions&) { o.chat_template = "u"; }},
          {"build", [](Origin& o, FinetuneOptions&) { o.build = "2"; }},
          {"isa", [](Origin& o, FinetuneOptions&) { o.isa = "avx512"; }},
          {"device", [](Origin& o, FinetuneOptions&) { o.device = "cuda"; }},
          {"threads", [](Origin& o, FinetuneOptions&) { o.threads = 3; }},
          {"method", [](Origin&, FinetuneOptions& o) { o.method = Method::full; }},
          {"rank", [](Origin&, FinetuneOptions& o) { o.rank = 8; }},
          {"alpha", [](Origin&, FinetuneOptions& o) { o.alpha = 8; }},
          {"dropout", [](Origin&, FinetuneOptions& o) { o.dropout = 0.1; }},
          {"rslora", [](Origin&, FinetuneOptions& o) { o.rslora = true; }},
          {"targets", [](Origin&, FinetuneOptions& o) { o.targets = {"q_proj"}; }},
          {"canaries", [](Origin&, FinetuneOptions& o) { o.canaries = 3; }},
          {"canary-repeats", [](Origin&, FinetuneOptions& o) { o.canary_repeats = 3; }},
          {"columns", [](Origin&, FinetuneOptions& o) { o.data.columns = "text=a"; }},
          {"learn", [](Origin&, FinetuneOptions& o) { o.data.learn = Learn::all; }},
          {"max-length", [](Origin&, FinetuneOptions& o) { o.data.max_length = 99; }},
          {"on-long", [](Origin&, FinetuneOptions& o) { o.data.on_long = OnLong::drop; }},
          {"skip-bad", [](Origin&, FinetuneOptions& o) { o.data.skip_bad = true; }},
          {"valid-split", [](Origin&, FinetuneOptions& o) { o.valid_split = 0.1; }},
          {"shuffle", [](Origin&, FinetuneOptions& o) { o.shuffle = false; }},
          {"epochs", [](Origin&, FinetuneOptions& o) { o.epochs = 2; }},
          {"steps", [](Origin&, FinetuneOptions& o) { o.steps = 2; }},
          {"lr", [](Origin&, FinetuneOptions& o) { o.lr = 1e-3; }},
          {"schedule", [](Origin&, FinetuneOptions& o) { o.schedule = Schedule::linear; }},
          {"warmup", [](Origin&, FinetuneOptions& o) { o.warmup = 0.5; }},
          {"optimizer", [](Origin&, FinetuneOptions& o) { o.optimizer = Optimizer::sgd; }},
          {"weight-decay", [](Origin&, FinetuneOptions& o) { o.weight_decay = 0.1; }},
          {"clip", [](Origin&, FinetuneOptions& o) { o.clip = 0; }},
          {"batch-tokens", [](Origin&, FinetuneOptions& o) { o.batch_tokens = 9; }},
          {"batch-rows", [](Origin&, FinetuneOptions& o) { o.batch_rows = 9; }},
          {"accumulate", [](Origin&, FinetuneOptions& o) { o.accumulate = 9; }},
          {"packing", [](Origin&, FinetuneOptions& o) { o.packing = false; }},
          {"seed", [](Origin&, FinetuneOptions& o) { o.seed = 9; }},
          {"dtype", [](Origin&, FinetuneOptions& o) { o.dtype = TrainDtype::bf16; }},
          {"eval-every", [](Origin&, FinetuneOptions& o) { o.eval_every = 9; }},
          {"early-stop", [](Origin&, FinetuneOptions& o) { o.early_stop = 9; }},
      };
  const Json recorded = identity_json(some_origin(), {});
  for (const auto& [key, change] : changes) {
    Origin origin = some_origin();
    FinetuneOptions options;
    change(origin, options);
    CHECK(test::error_of([&] {
            check_identity(recorded, identity_json(origin, options));
          }).starts_with(std::string("cannot resume: ") + key + " differs ("));
  }
  CHECK(changes.size() == recorded.as_object().size());
}

TEST_CASE("both values are in the message") {
  Origin other = some_origin();
  other.threads = 4;
  CHECK(test::error_of([&] {
          check_identity(identity_json(some_origin(), {}), identity_json(other, {}));
        }) == "cannot resume: threads differs (2, 4)");
}

TEST_CASE("a record that lacks a key, has one more or is none is of another run") {
  const Json now = identity_json(some_origin(), {});
  Json more = now;
  more.set("moon", "full");
  CHECK(test::error_of([&] { check_identity(more, now); }) ==
        "cannot resume: moon differs (\"full\", none)");
  Json less = Json::Object(now.as_object().begin() + 1, now.as_object().end());
  CHECK(test::error_of([&] { check_identity(less, now); }) ==
        "cannot resume: base differs (none, \"b\")");
  CHECK(test::error_of([&] { check_identity(Json(), now); }) != "no error");
}

}  // namespace
}  // namespace nalar::train
