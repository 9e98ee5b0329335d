#include "train/update_plan.h"

#include <algorithm>
#include <numeric>

#include "bigram_model.h"
#include "support/catch.h"

namespace nalar::train {
namespace {

using test::MadeRows;

constexpr int kVocab = 16;

TEST_CASE("a batch has its documents one after the other and what is learned of each") {
  MadeRows made(2, kVocab);
  made.examples[0] = {.ids = {5, 6, 7, 8}, .learned = {0, 0, 1, 1}};
  made.examples[1] = {.ids = {1, 2, 3}, .learned = {0, 1, 0}};
  const std::vector<int64_t> order = {1, 0};
  const Batch batch = make_batch(made.rows(), order);
  CHECK(batch.ids == std::vector<TokenId>{1, 2, 3, 5, 6, 7, 8});
  CHECK(batch.documents == std::vector<int32_t>{0, 3, 7});
  CHECK(batch.keys == std::vector<int64_t>{1, 0});
  CHECK(batch.learned == std::vector<int32_t>{0, 4, 5});
  CHECK(batch.labels == std::vector<TokenId>{2, 7, 8});
  CHECK(learned_tokens(made.rows(), order) == 3);
  CHECK(tokens(made.rows(), order) == 7);
}

TEST_CASE("places of rows name each file once") {
  MadeRows made(30, kVocab);
  made.paths.emplace_back("other\n.csv");
  made.examples[2].file = 1;
  const std::vector<int64_t> some = {7, 2, 0};
  CHECK(made.rows().places(some) == "rows.jsonl: line 1, 8; other\\n.csv: line 3");
  made.paths.back() = "other.json";
  CHECK(made.rows().places(some) == "rows.jsonl: line 1, 8; other.json: row 3");
  std::vector<int64_t> many(25);
  std::iota(many.begin(), many.end(), 3);
  CHECK(made.rows().places(many).ends_with(", 23, and 5 more"));
}

TEST_CASE("defaults of batches: 8 rows an update, cut at 2048 tokens or the longest row") {
  MadeRows made(20, kVocab);
  data::PackOptions pack = pack_options({}, made.rows());
  CHECK(pack.batch_rows == 8);
  CHECK(pack.batch_tokens == 2048);
  made.examples[3].ids.resize(3000);
  CHECK(pack_options({}, made.rows()).batch_tokens == 3000);

  FinetuneOptions options;
  options.batch_tokens = 100;
  CHECK(pack_options(options, made.rows()).batch_rows == 0);
  CHECK(pack_options(options, made.rows()).batch_tokens == 100);
  options = {};
  options.accumulate = 4;
  CHECK(pack_options(options, made.rows()).batch_rows == 0);
}

TEST_CASE("every epoch has every row once, in as many updates as are foreseen") {
  const MadeRows made(37, kVocab);
  FinetuneOptions options;
  options.epochs = 2.5;
  const bool by_rows = GENERATE(true, false);
  (by_rows ? options.batch_rows : options.batch_tokens) = by_rows ? 5 : 40;
  options.accumulate = by_rows ? 1 : 2;
  UpdatePlan plan(made.rows(), options, pack_options(options, made.rows()));
  const int64_t foreseen = plan.updates_of(0) + plan.updates_of(1) + (plan.updates_of(2) + 1) / 2;
  CHECK(plan.updates() == foreseen);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<int64_t> seen;
    const int64_t n = plan.updates_of(epoch);
    for (int64_t i = 0; i < n; ++i) {
      for (const auto& batch : plan.update(epoch, i).micro_batches) {
        CHECK(tokens(made.rows(), batch) <= plan.largest_batch());
        seen.insert(seen.end(), batch.begin(), batch.end());
      }
    }
    std::sort(seen.begin(), seen.end());
    std::vector<int64_t> all(37);
    std::iota(all.begin(), all.end(), 0);
    CHECK(seen == all);
  }
}

TEST_CASE("steps stand for the updates, whatever the epochs") {
  const MadeRows made(37, kVocab);
  FinetuneOptions options;
  options.steps = 3;
  options.epochs = 100;
  CHECK(UpdatePlan(made.rows(), options, pack_options(options, made.rows())).updates() == 3);
}

TEST_CASE("a part of an epoch is at least one update") {
  const MadeRows made(4, kVocab);
  FinetuneOptions options;
  options.epochs = 0.1;
  CHECK(UpdatePlan(made.rows(), options, pack_options(options, made.rows())).updates() == 1);
}

TEST_CASE("an evaluation takes the rows in their order") {
  const MadeRows made(20, kVocab);
  const bool packing = GENERATE(true, false);
  std::vector<int64_t> seen;
  for (const auto& batch : evaluation_batches(made.rows(), 30, packing)) {
    CHECK((batch.size() == 1 || tokens(made.rows(), batch) <= 30));
    CHECK((packing || batch.size() == 1));
    seen.insert(seen.end(), batch.begin(), batch.end());
  }
  std::vector<int64_t> all(20);
  std::iota(all.begin(), all.end(), 0);
  CHECK(seen == all);
  CHECK(evaluation_batches({}, 30, packing).empty());
}

}  // namespace
}  // namespace nalar::train
