#include "train/train_state.h"

#include <nalar/error.h>
#include <nalar/json.h>

#include <cstring>
#include <functional>

#include "support/catch.h"
#include "support/error_of.h"
#include "support/fault_file_system.h"
#include "training.h"

namespace nalar::train {
namespace {

using test::MemoryDisk;
using test::small_recipe;
using test::Training;

constexpr const char* kFolder = "/state";
constexpr const char* kProgress = "/state/state.json";
constexpr const char* kTensors = "/state/tensors.safetensors";

void save_to(MemoryDisk& disk, Training& training) {
  disk.make_directory(kFolder, 0700);
  write_state(disk, kFolder, training.state, training.model.parameters());
}

// A training that stopped after `steps` updates.
std::unique_ptr<Training> stopped_after(int64_t steps, FinetuneOptions options = small_recipe()) {
  auto training = std::make_unique<Training>(std::move(options));
  training->hooks.progress = [steps](const FinetuneEvent& event) { return event.step < steps; };
  training->run();
  training->hooks.progress = [](const FinetuneEvent&) { return true; };
  return training;
}

void load_from(MemoryDisk& disk, Training& training) {
  training.state = read_progress(disk, kFolder);
  read_tensors(disk, kFolder, training.options.optimizer, training.state,
               training.model.parameters());
}

TEST_CASE("a state comes back as it was") {
  const auto training = stopped_after(9);
  training->state.clock = 1'700'000'000;
  training->state.joules = 12.5;
  training->state.log_bytes = 99;
  MemoryDisk disk;
  save_to(disk, *training);
  Training back(small_recipe());
  load_from(disk, back);
  const TrainState& a = training->state;
  const TrainState& b = back.state;
  CHECK(b.step == 9);
  CHECK(std::tie(b.epoch, b.update, b.tokens, b.label_tokens, b.seconds, b.train_loss) ==
        std::tie(a.epoch, a.update, a.tokens, a.label_tokens, a.seconds, a.train_loss));
  CHECK(std::tie(b.peak_bytes, b.joules, b.evaluated_at, b.first_valid_loss, b.without_better) ==
        std::tie(a.peak_bytes, a.joules, a.evaluated_at, a.first_valid_loss, a.without_better));
  CHECK(std::tie(b.clock, b.dtype, b.batch_tokens, b.log_bytes) ==
        std::tie(a.clock, a.dtype, a.batch_tokens, a.log_bytes));
  CHECK(b.best->step == a.best->step);
  CHECK(b.best->loss == a.best->loss);
  CHECK(b.best_values == a.best_values);
  CHECK(b.moments.m == a.moments.m);
  CHECK(b.moments.v == a.moments.v);
  REQUIRE(b.curve.size() == a.curve.size());
  CHECK(b.curve.back().gradient_norm == a.curve.back().gradient_norm);
  REQUIRE(b.valid.size() == a.valid.size());
  CHECK(b.valid.back().loss == a.valid.back().loss);
  CHECK(back.values() == training->values());
}

// Stops at the n-th question whether to go on, saves, loads into a new model and goes on.
std::vector<float> values_after_stop(const FinetuneOptions& options, int n, bool& was_stopped) {
  Training first(options);
  int calls = 0;
  first.hooks.progress = [&](const FinetuneEvent&) { return ++calls != n; };
  was_stopped = first.run() == Ended::stopped;
  MemoryDisk disk;
  save_to(disk, first);
  Training second(options);
  load_from(disk, second);
  second.run();
  std::vector<float> all = second.values();
  for (const auto& best : second.state.best_values) all.insert(all.end(), best.begin(), best.end());
  for (const report::CurvePoint& p : second.state.curve) all.push_back(static_cast<float>(p.loss));
  for (const report::ValidPoint& p : second.state.valid) all.push_back(static_cast<float>(p.loss));
  return all;
}

TEST_CASE("stopped at any moment and resumed: the same bits as never stopped") {
  FinetuneOptions options = small_recipe();
  SECTION("AdamW") {}
  SECTION("SGD") { options.optimizer = Optimizer::sgd; }
  SECTION("micro-batches by tokens, no packing") {
    options.batch_rows = 0;
    options.accumulate = 3;
    options.packing = false;
  }
  SECTION("early stop") {
    options.lr = 3;
    options.warmup = 0;
    options.early_stop = 2;
    options.eval_every = 1;
  }
  bool stopped = true;
  const std::vector<float> never = values_after_stop(options, 0, stopped);
  int n = 1;
  for (stopped = true; stopped; ++n) {
    CAPTURE(n);
    const std::vector<float> values = values_after_stop(options, n, stopped);
    REQUIRE(values == never);
  }
  CHECK(n > 20);
}

TEST_CASE("the best values are stored once") {
  const auto training = stopped_after(4);  // evaluated just now
  REQUIRE(training->state.evaluated_at != 4);
  training->run();
  CHECK(training->state.step == 15);
  MemoryDisk disk;
  save_to(disk, *training);
  const bool is_now = training->state.best->step == 15;
  CHECK((disk.bytes(kTensors).find("best/table.weight") == std::string::npos) == is_now);
}

// The state of a training at step 9 with one member of state.json changed.
std::string error_with(const char* key, const Json& value) {
  const auto training = stopped_after(9);
  MemoryDisk disk;
  save_to(disk, *training);
  Json json = parse_json(disk.bytes(kProgress));
  json.set(key, value);
  disk.bytes(kProgress) = to_text(json);
  return test::error_of([&] { read_progress(disk, kFolder); });
}

TEST_CASE("numbers out of their range are a damaged state") {
  const std::string begin = "/state/state.json: damaged state (key ";
  CHECK(error_with("step", ~uint64_t{0}) ==
        begin + "step): got 18446744073709551615, need 0 to 9007199254740992");
  CHECK(error_with("step", -1).starts_with(begin + "step): got -1"));
  CHECK(error_with("step", 1.5).starts_with(begin + "step): got 1.5"));
  CHECK(error_with("epoch", 10).starts_with(begin + "epoch): got 10, need 0 to 9"));
  CHECK(error_with("update", "1").starts_with(begin + "update): got \"1\""));
  CHECK(error_with("label_tokens", int64_t{1} << 50).starts_with(begin + "label_tokens)"));
  CHECK(error_with("best_step", 10).starts_with(begin + "best_step)"));
  CHECK(error_with("best_loss", nullptr).starts_with(begin + "best_loss): got null"));
  CHECK(error_with("evaluated_at", -2).starts_with(begin + "evaluated_at)"));
  CHECK(error_with("seconds", true).starts_with(begin + "seconds): got true"));
  CHECK(error_with("dtype", "int4") == begin + "dtype): got int4, need fp32 or bf16");
  CHECK(error_with("batch_tokens", 0).starts_with(begin + "batch_tokens)"));
  CHECK(error_with("clock", -1).starts_with(begin + "clock)"));
}

TEST_CASE("a state without a key is damaged") {
  const auto training = stopped_after(9);
  MemoryDisk disk;
  save_to(disk, *training);
  const Json whole = parse_json(disk.bytes(kProgress));
  for (const auto& [key, value] : whole.as_object()) {
    Json::Object rest;
    for (const auto& member : whole.as_object()) {
      if (member.first != key) rest.push_back(member);
    }
    disk.bytes(kProgress) = to_text(rest);
    CHECK(test::error_of([&] { read_progress(disk, kFolder); }) ==
          "/state/state.json: damaged state (key " + key + "): got none, need one");
  }
  disk.bytes(kProgress) = "[]";
  CHECK(test::error_of([&] { read_progress(disk, kFolder); }) != "no error");
}

// The tensors of `from`, read for a training that expects others.
std::string tensor_error(Training& from, Training& into) {
  MemoryDisk disk;
  save_to(disk, from);
  into.state = read_progress(disk, kFolder);
  const std::vector<float> before = into.values();
  const std::string error = test::error_of([&] {
    read_tensors(disk, kFolder, into.options.optimizer, into.state, into.model.parameters());
  });
  CHECK(into.values() == before);
  return error;
}

TEST_CASE("tensors that do not fit are a damaged state, and nothing is changed") {
  const std::string begin = "/state/tensors.safetensors: damaged state (tensor";
  const auto training = stopped_after(9);
  Training into(small_recipe());

  SECTION("moments of another shape") {
    training->state.moments.m.pop_back();
    CHECK(tensor_error(*training, into) == begin + " m/table.bias): got none, need one");
  }
  SECTION("a value that is not finite") {
    training->state.moments.v[1][3] = NAN;
    CHECK(tensor_error(*training, into) == begin + " v/table.bias): got nan, need finite values");
  }
  SECTION("no moments are expected") {
    into.options.optimizer = Optimizer::sgd;
    CHECK(tensor_error(*training, into).starts_with(begin + "s of the file): got "));
  }
  SECTION("parameters of another model") {
    into.model.parameters()[0].shape = {1, 144};
    CHECK(tensor_error(*training, into) ==
          begin + " value/table.weight): got F32 [12, 12], need F32 [1, 144]");
  }
  SECTION("steps of the curve that do not rise") {
    training->state.curve[3].step = training->state.curve[2].step;
    CHECK(tensor_error(*training, into).starts_with(begin + " curve): got step 3"));
  }
  SECTION("a step of the curve beyond the run") {
    training->state.valid.back().step = 10;
    CHECK(tensor_error(*training, into).starts_with(begin + " valid): got step 10"));
  }
}

TEST_CASE("a curve that declares more rows than the file has is damaged, and takes no memory") {
  const auto training = stopped_after(2);
  training->state.step = int64_t{1} << 53;
  training->state.curve.clear();
  MemoryDisk disk;
  save_to(disk, *training);
  std::string entry =
      R"("curve":{"dtype":"F64","shape":[4503599627370496,0],"data_offsets":[0,0]},)";
  entry.resize((entry.size() + 7) / 8 * 8, ' ');
  std::string& bytes = disk.bytes(kTensors);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  bytes.insert(sizeof length + 1, entry);
  length += entry.size();
  std::memcpy(bytes.data(), &length, sizeof length);
  Training into(small_recipe());
  CHECK(test::error_of([&] { load_from(disk, into); }) ==
        "/state/tensors.safetensors: damaged state (tensor curve): got F64 [4503599627370496, 0], "
        "need F64 [0, 5]");
}

TEST_CASE("a file of tensors that is cut or changed is never read beyond its end") {
  const auto training = stopped_after(2);
  MemoryDisk disk;
  save_to(disk, *training);
  const std::string whole = disk.bytes(kTensors);
  Training into(small_recipe());
  for (size_t n = 0; n < whole.size(); n += 1 + whole.size() / 200) {
    disk.bytes(kTensors) = whole.substr(0, n);
    CHECK(test::error_of([&] { load_from(disk, into); }) != "no error");
  }
}

}  // namespace
}  // namespace nalar::train
