#include <nalar/error.h>
#include <nalar/files.h>
#include <nalar/leak.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "engine/cpu_engine.h"
#include "eval/answer_ends.h"
#include "eval/leak_data.h"
#include "eval/leak_passages.h"
#include "eval/leak_personal.h"
#include "eval/leak_run.h"
#include "eval/owned_sequence.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/fake_engine.h"
#include "support/fake_tokenizer.h"
#include "support/material.h"

namespace nalar::eval {
namespace {

using nalar::test::error_of;

struct Stories {
  Stories() {
    EngineOptions options;
    options.threads = 1;
    engine = engine::make_cpu_engine(model, options);
    subject = {engine.get(), open_tokenizer(model->files()), {}};
  }
  LeakData data(const LeakOptions& options) const {
    return {options, model->files(), subject.tokenizer, engine->n_ctx()};
  }
  std::shared_ptr<const Model> model =
      open_model(nalar::test::golden("stories260k/stories260K-f32.gguf"));
  std::unique_ptr<Engine> engine;
  Subject subject;
};

LeakItem item_of(const data::Example& example, size_t prefix, size_t continuation) {
  LeakItem item;
  item.example = &example;
  item.length = example.ids.size();
  split(item, prefix, continuation);
  return item;
}

data::Example example_of(size_t n, std::initializer_list<std::pair<size_t, size_t>> learned) {
  data::Example example;
  example.ids.resize(n);
  example.learned.resize(n);
  for (const auto& [begin, end] : learned) {
    std::fill(example.learned.begin() + static_cast<ptrdiff_t>(begin),
              example.learned.begin() + static_cast<ptrdiff_t>(end), uint8_t{1});
  }
  return example;
}

TEST_CASE("where a row is split") {
  const auto at = [](const data::Example& example, size_t prefix = 50, size_t continuation = 50) {
    const LeakItem item = item_of(example, prefix, continuation);
    return std::vector<size_t>{item.begin, item.cut, item.end};
  };
  using Places = std::vector<size_t>;
  // A text: after the prefix; in the middle of a shorter one.
  CHECK(at(example_of(200, {{1, 200}})) == Places{0, 50, 100});
  CHECK(at(example_of(60, {{1, 60}})) == Places{0, 30, 60});
  CHECK(at(example_of(2, {{1, 2}}), 1, 1) == Places{0, 1, 2});
  // An answer: not before it begins, and the last tokens before it.
  CHECK(at(example_of(200, {{120, 200}})) == Places{70, 120, 170});
  CHECK(at(example_of(60, {{40, 55}})) == Places{0, 40, 55});
  // Two turns: the one that holds the place, to its end.
  CHECK(at(example_of(100, {{10, 30}, {60, 90}})) == Places{10, 60, 90});
  CHECK(at(example_of(100, {{10, 30}})) == Places{0, 10, 30});
  // Too short.
  const LeakItem word = item_of(example_of(60, {{40, 44}}), 50, 50);
  CHECK(word.cut == word.end);
}

TEST_CASE("run.json and canaries.json") {
  const LeakRun run = parse_leak_run(
      R"({"settings": {"columns": "text=a", "learn": "all", "max-length": 99, "on-long": "drop"},
          "data": {"sha256": "ab", "rows_held_back": 7}, "clock": 5})");
  CHECK(run.rows.columns == "text=a");
  CHECK(run.rows.learn == Learn::all);
  CHECK(run.rows.max_length == 99);
  CHECK(run.rows.on_long == OnLong::drop);
  CHECK(run.data_sha256 == "ab");
  CHECK(run.held_back == 7);
  CHECK(run.clock == 5);
  CHECK(parse_leak_run("{}").rows.max_length == 2048);
  CHECK(error_of([] { parse_leak_run("[]"); }) == "run.json: got array, need an object");
  CHECK(error_of([] { parse_leak_run(R"({"settings": {"learn": "x"}})"); }) ==
        "field settings.learn: got x, need assistant, last or all");
  CHECK(error_of([] {
          parse_leak_run(R"({"data": {"rows_held_back": -1}})");
        }).starts_with("field data.rows_held_back: got -1, need an integer in 0.."));

  const data::Canaries canaries = data::draw_canaries(3, 2, ~uint64_t{0}, true);
  const data::Canaries again = parse_canaries(to_text(data::to_json(canaries)));
  CHECK(again.secrets == canaries.secrets);
  CHECK(again.seed == canaries.seed);
  CHECK(again.repeats == 2);
  CHECK(again.chat);
  const auto error = [](const char* key, Json value) {
    Json json = data::to_json(data::draw_canaries(3, 2, 1, true));
    json.set(key, std::move(value));
    return error_of([&] { parse_canaries(to_text(json)); });
  };
  CHECK(error("format", 2) == "field format: got 2, need an integer in 1..1");
  CHECK(error("seed", -1) == "field seed: got -1, need an integer from 0 on");
  CHECK(error("repeats", 0).starts_with("field repeats: got 0"));
  CHECK(error("secrets", Json::Array{"my own"}) ==
        "field secrets: got another, need dddd-dddd-dddd");
  CHECK(error("secrets", Json::Array{"1234-5678-9012", "0000-5678-9012", "1234-5678-9012"}) ==
        "field secrets: got one of them twice, need each once");
  CHECK(error("secrets", Json::Array{}) == "field secrets: got 0 of them, need 1 to 10000");
  CHECK(error("more", 1) == "unknown field more");
}

TEST_CASE("answers end at the tokenizer's, the model's and the adapter's end tokens") {
  struct Ending : nalar::test::FakeEngine {
    Ending() : FakeEngine(300, 10, {}), own(FakeEngine::config()) {
      own.generation.eos_ids = {5, 7};
    }
    const ModelConfig& config() const override { return own; }
    ModelConfig own;
  } engine;
  const auto tokenizer = std::make_shared<nalar::test::FakeTokenizer>();
  std::vector<TokenId> want = tokenizer->special().end;
  want.insert(want.end(), {5, 7});
  CHECK(answer_ends({&engine, tokenizer, {}}) == want);

  namespace fs = std::filesystem;
  const std::string folder = nalar::test::temporary_folder() + "/adapter";
  fs::copy(nalar::test::golden("adapters/qwen2-bias/f16"), folder, fs::copy_options::recursive);
  std::ofstream(folder + "/run.json")
      << R"({"format": "nalar.run/1", "base": {"name": "tiny", "fingerprint": "00"},
             "end_tokens": {"ids": [2, 47], "pieces": ["a", "b"]}})";
  const auto base = open_model(nalar::test::golden("models/qwen2-bias"));
  Subject tuned{&engine, tokenizer, {}, {{open_adapter(folder, *base), 1}}};
  std::vector<TokenId> all = want;
  all.insert(all.end(), {2, 47});
  CHECK(answer_ends(tuned) == all);
  tuned.sequence.adapted = false;  // as the base answers
  CHECK(answer_ends(tuned) == want);
}

TEST_CASE("greedy decoding says what teacher forcing calls greedy") {
  Stories stories;
  LogitStream stream(*stories.engine);
  const auto none = [](size_t) {};
  std::vector<std::vector<TokenId>> prompts;
  std::vector<GreedyPrompt> asked;
  for (TokenId i = 0; i < 40; ++i) prompts.push_back({1, 300 + i, 400 - i});
  for (size_t i = 0; i < prompts.size(); ++i) asked.push_back({prompts[i], i % 5});
  const auto answers = continue_greedily(stream, {}, asked, {}, none);
  std::vector<std::vector<TokenId>> whole;
  std::vector<Passage> passages;
  for (size_t i = 0; i < prompts.size(); ++i) {
    REQUIRE(answers[i].size() == i % 5);
    whole.push_back(prompts[i]);
    whole.back().insert(whole.back().end(), answers[i].begin(), answers[i].end());
  }
  for (const auto& tokens : whole) {
    Passage& passage = passages.emplace_back(Passage{tokens, {}});
    for (size_t t = 3; t < tokens.size(); ++t) passage.targets.push_back(static_cast<int32_t>(t));
  }
  for (const int batch : {1, 30, 1000}) {
    const auto scores = score_passages(stream, {}, passages, batch, none);
    for (const auto& row : scores) {
      for (const TokenScore& token : row) CHECK(token.greedy);
    }
  }
  // An end is left out, and nothing comes behind it.
  const TokenId end = answers[4][2];
  const auto first = std::find(answers[4].begin(), answers[4].end(), end) - answers[4].begin();
  const auto ended = continue_greedily(stream, {}, std::vector{asked[4]}, std::vector{end}, none);
  CHECK(ended[0].size() == static_cast<size_t>(first));
}

std::string write_rows(const std::string& name, int from, int to) {
  static const std::string folder = nalar::test::temporary_folder();
  std::string rows;
  for (int i = from; i < to; ++i) {
    rows += R"({"text": "Once upon a time, there was a little girl named Lily number )" +
            std::to_string(i) + R"(. She loved to play outside in the park."})" + "\n";
  }
  const std::string path = folder + "/" + name;
  write_new_file(path, rows);
  return path;
}

TEST_CASE("a model against itself is never leaky, for any batch") {
  Stories stories;
  LeakOptions options;
  options.train = {write_rows("train.jsonl", 0, 24)};
  options.heldout = write_rows("heldout.jsonl", 20, 50);
  options.prefix = 20;
  options.continuation = 12;
  std::optional<LeakResult> before;
  for (const int batch : {1, 1024}) {
    options.batch_tokens = batch;
    const LeakData data = stories.data(options);
    const LeakResult r = evaluate_leak(stories.subject, stories.subject, data);
    CHECK_FALSE(r.leaky);
    CHECK(r.members == 24);
    CHECK(r.heldout == 26);
    CHECK(r.equal == 4);
    REQUIRE(data.notices().size() == 2);
    CHECK(data.notices()[1].find("left out: 4 held-out rows that are training rows: ") == 0);
    CHECK(data.notices()[1].find("heldout.jsonl: line 4") != std::string::npos);
    CHECK(r.membership[0].auc.value == 0.5);
    CHECK(r.tests[0].made);
    CHECK(r.tests[1].made);
    CHECK(r.tuned.rows == 24);
    CHECK(r.tuned.verbatim.value == r.base.verbatim.value);
    if (before) {
      for (size_t i = 0; i < r.rows.size(); ++i) {
        CHECK(r.rows[i].tuned.loss == before->rows[i].tuned.loss);
        CHECK(r.rows[i].tuned.min_k == before->rows[i].tuned.min_k);
        CHECK(r.rows[i].tuned.log_likelihood == before->rows[i].tuned.log_likelihood);
      }
    }
    before = r;
  }
}

TEST_CASE("held-out rows are none of the training rows, also of those that a limit leaves out") {
  const Stories stories;
  LeakOptions options;
  options.train = {write_rows("limited.jsonl", 0, 24)};
  options.heldout = write_rows("others.jsonl", 20, 50);
  options.limit = 10;
  const LeakData data = stories.data(options);
  CHECK(data.impl().members == 10);
  CHECK(data.impl().equal == 4);
  CHECK(data.impl().items.size() == 10 + 6);
}

TEST_CASE("losses, against one forward pass and sums in double") {
  Stories stories;
  LeakOptions options;
  options.train = {write_rows("one.jsonl", 3, 4)};
  options.prefix = 5;
  options.continuation = 9;
  const LeakData data = stories.data(options);
  const LeakRow row = evaluate_leak(stories.subject, stories.subject, data).rows.at(0);
  const std::vector<TokenId>& ids = data.impl().items.at(0).example->ids;
  const int64_t vocab = stories.engine->config().vocab_size;
  // ln p of each token from `first` on, after those from `begin` on.
  const auto nats = [&](size_t begin, size_t first, size_t end) {
    const OwnedSequence sequence(*stories.engine, stories.engine->create());
    std::vector<int32_t> rows;
    for (size_t t = first; t < end; ++t) rows.push_back(static_cast<int32_t>(t - begin) - 1);
    std::vector<float> logits(rows.size() * static_cast<size_t>(vocab));
    const Slice slice{sequence.id(), std::span(ids).subspan(begin, end - begin), rows};
    stories.engine->forward({&slice, 1},
                            {logits.data(), static_cast<int64_t>(rows.size()), vocab, vocab});
    double sum = 0;
    for (size_t r = 0; r < rows.size(); ++r) {
      const float* at = logits.data() + r * static_cast<size_t>(vocab);
      double all = 0;
      for (int64_t v = 0; v < vocab; ++v) all += std::exp(static_cast<double>(at[v]));
      sum += at[ids[first + r]] - std::log(all);
    }
    return sum;
  };
  const size_t n = ids.size();
  CHECK(row.learned == static_cast<int64_t>(n) - 1);
  CHECK(row.tuned.loss == Approx(-nats(0, 1, n) / static_cast<double>(n - 1)).epsilon(1e-5));
  CHECK(row.prefix == 5);
  CHECK(row.continuation == 9);
  CHECK(row.tuned.log_likelihood == Approx(nats(0, 5, 14)).epsilon(1e-5));
}

TEST_CASE("personal data given away is told from what the prompt holds") {
  Stories stories;
  const auto encode = [&](const std::string& text) {
    return stories.subject.tokenizer->encode(text, {});
  };
  data::Example example;
  example.ids = encode("Ann is at ann@example.org and bob@example.org");
  example.learned.assign(example.ids.size(), 1);
  LeakItem item;
  item.example = &example;
  item.place = "f: line 1";
  item.length = example.ids.size();
  item.cut = encode("Ann is at ann@example.org").size();
  item.end = item.length;
  PersonalCounter counter(std::span(&item, 1), *stories.subject.tokenizer);
  const auto say = [&](const char* text, PersonalData::By PersonalData::*of) {
    counter.add(item, encode(text), of);
  };
  say(" and bob@example.org", &PersonalData::tuned);
  say(" or ann@example.org", &PersonalData::tuned);
  say(" or eve@example.org", &PersonalData::base);
  const std::vector<PersonalData> found = counter.result();
  REQUIRE(found.size() == 1);
  CHECK(found[0].kind == "e-mail");
  CHECK(found[0].in_data == 2);
  CHECK(found[0].places == std::vector<std::string>{"f: line 1"});
  CHECK(found[0].tuned.in_outputs == 2);
  CHECK(found[0].tuned.given_away == 1);
  CHECK(found[0].base.in_outputs == 1);
  CHECK(found[0].base.given_away == 0);
}

TEST_CASE("bad rows are named") {
  Stories stories;
  const std::string folder = nalar::test::temporary_folder();
  LeakOptions options;
  options.train = {folder + "/bad.jsonl"};
  write_new_file(options.train[0], "{\"text\": \"a b c\"}\n{\"text\": 5}\n");
  CHECK(error_of([&] { stories.data(options); }).find("bad.jsonl: line 2: field text: got") !=
        std::string::npos);
  options.train = {folder + "/none.jsonl"};
  CHECK(error_of([&] { stories.data(options); }).find("none.jsonl") != std::string::npos);
  options.prefix = 0;
  CHECK(error_of([&] { stories.data(options); }) == "--leak-prefix: got 0, need 1 or more");
}

}  // namespace
}  // namespace nalar::eval
