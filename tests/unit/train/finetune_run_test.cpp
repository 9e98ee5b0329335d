#include "train/finetune_run.h"

#include <nalar/error.h>
#include <nalar/json.h>
#include <nalar/log.h>

#include <fstream>

#include "base/rng.h"
#include "hash_model.h"
#include "model/weights.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/fault_file_system.h"
#include "support/gguf_builder.h"
#include "support/material.h"
#include "support/tiny_llama.h"
#include "train/trained_weights.h"

namespace nalar::train {
namespace {

using test::HookedFileSystem;
using test::MemoryDisk;

constexpr const char* kAdapter = "/out/adapter_model.safetensors";

void write_text(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

// A base and rows on the disk of this machine; what comes out goes to a disk in memory.
struct Workshop {
  std::string folder = test::temporary_folder();
  std::shared_ptr<const Model> base;
  FinetuneOptions options;
  std::function<void(const std::string&, const TrainedValues&)> write_folder;

  Workshop() {
    write_text(folder + "/base.gguf", test::tiny_llama().bytes());
    base = open_model(folder + "/base.gguf");
    std::string rows;
    for (int i = 0; i < 12; ++i) {
      rows += R"({"prompt": "hello )" + std::to_string(i) + R"(", "completion": "world )" +
              std::string(static_cast<size_t>(i), 'x') + "\"}\n";
    }
    write_text(folder + "/rows.jsonl", rows);
    options.data.paths = {folder + "/rows.jsonl"};
    options.out = "/out";
    options.rank = 2;
    options.targets = {"q_proj", "down_proj"};
    options.lr = 0.05;
    options.epochs = 2;
    options.batch_rows = 3;
    options.batch_tokens = 20;
    options.valid_split = 0.2;
    options.checkpoint_every = 2;
    options.threads = 1;
    options.dtype = TrainDtype::fp32;
  }
  FinetuneResult run(io::FileSystem& files, const FinetuneProgress& progress = {}) const {
    const TrainingBackend backend{
        .open = [this](const TrainableOptions& o) -> std::unique_ptr<TrainableModel> {
          return std::make_unique<test::HashModel>(*base, o);
        },
        .plan =
            [](const TrainableOptions& o) {
              return TrainingMemory{.weights = 1, .activations = o.batch_tokens, .parameters = 3};
            },
        .write_folder = write_folder,
        .torch_version = "none",
        .files = files};
    return run_finetune(base, options, backend, progress);
  }
};

TEST_CASE("a run leaves all that it promises") {
  Workshop shop;
  shop.options.tensorboard = true;
  MemoryDisk disk;
  std::vector<FinetuneEvent::Kind> kinds;
  const FinetuneResult result = shop.run(disk, [&](const FinetuneEvent& event) {
    if (event.kind != FinetuneEvent::Kind::alive) kinds.push_back(event.kind);
    return true;
  });
  CHECK(result.steps == 6);
  CHECK(result.valid_loss);
  CHECK(*result.valid_loss < *result.first_valid_loss);
  CHECK(kinds.front() == FinetuneEvent::Kind::started);
  CHECK(kinds.back() == FinetuneEvent::Kind::ended);
  const std::vector<std::string> names = disk.list("/out");
  for (const char* name : {"README.md", "adapter_config.json", "adapter_model.safetensors",
                           "checkpoints", "log.jsonl", "report.html", "run.json"}) {
    CAPTURE(name);
    CHECK(std::find(names.begin(), names.end(), name) != names.end());
  }
  CHECK(std::any_of(names.begin(), names.end(),
                    [](const std::string& n) { return n.starts_with("events.out.tfevents."); }));
  for (const std::string& name : names) CHECK_FALSE(name.starts_with('.'));

  const std::string log = disk.bytes("/out/log.jsonl");
  CHECK(std::count(log.begin(), log.end(), '\n') == 6 + 3);
  const Json run = parse_json(disk.bytes("/out/run.json"));
  CHECK(disk.bytes("/out/run.json").find(shop.folder) == std::string::npos);
  CHECK(run.is_object());
}

TEST_CASE("end tokens are those that the data end with") {
  Workshop shop;
  MemoryDisk disk;
  shop.run(disk);
  // </s> of tiny_llama, which every completion ends with.
  CHECK(disk.bytes("/out/run.json").find("264") != std::string::npos);
}

TEST_CASE("a finished run may be resumed: nothing changes") {
  Workshop shop;
  MemoryDisk disk;
  shop.run(disk);
  const std::string adapter = disk.bytes(kAdapter);
  const std::string log = disk.bytes("/out/log.jsonl");
  CHECK(test::error_of([&] { shop.run(disk); }) == "/out: exists already");
  shop.options.resume = true;
  CHECK(shop.run(disk).steps == 6);
  CHECK(disk.bytes(kAdapter) == adapter);
  CHECK(disk.bytes("/out/log.jsonl") == log);
}

TEST_CASE("stopped at every question whether to go on, and resumed") {
  Workshop shop;
  MemoryDisk whole;
  shop.run(whole);
  int stops = 0;
  for (int n = 1;; ++n) {
    CAPTURE(n);
    MemoryDisk disk;
    int calls = 0;
    shop.options.resume = false;
    const std::string error =
        test::error_of([&] { shop.run(disk, [&](const FinetuneEvent&) { return ++calls != n; }); });
    // A run that is asked to stop when it is done is done.
    if (calls < n) break;
    if (error != "no error") {
      ++stops;
      shop.options.resume = true;
      shop.run(disk);
    }
    REQUIRE(disk.bytes(kAdapter) == whole.bytes(kAdapter));
  }
  CHECK(stops > 20);
}

TEST_CASE("the disk fails at any call for good, then the power: resumed to the same bits") {
  Workshop shop;
  MemoryDisk whole;
  shop.run(whole);
  for (int n = 1;; n += 7) {
    CAPTURE(n);
    MemoryDisk disk;
    test::NthCallFails fault(n, true);
    HookedFileSystem failing(disk, std::ref(fault));
    shop.options.resume = false;
    const std::string error = test::error_of([&] { shop.run(failing); });
    if (!fault.failed()) break;
    CHECK(error.find("injected") != std::string::npos);
    MemoryDisk after = disk.after_power_loss([&, draw = uint64_t{0}](int choices) mutable {
      const uint32_t word = base::philox(static_cast<uint64_t>(n), ++draw, 0)[0];
      return static_cast<int>(word % static_cast<uint32_t>(choices));
    });
    shop.options.resume = true;
    shop.run(after);
    REQUIRE(after.bytes(kAdapter) == whole.bytes(kAdapter));
  }
}

TEST_CASE("what differs refuses to resume, by its key") {
  Workshop shop;
  MemoryDisk disk;
  shop.run(disk);
  shop.options.resume = true;
  SECTION("an option") {
    shop.options.lr = 0.01;
    CHECK(test::error_of([&] { shop.run(disk); }) == "cannot resume: lr differs (0.05, 0.01)");
  }
  SECTION("the data") {
    write_text(shop.options.data.paths[0], R"({"prompt": "a", "completion": "b"})"
                                           "\n"
                                           R"({"prompt": "c", "completion": "d"})");
    CHECK(test::error_of([&] { shop.run(disk); }).starts_with("cannot resume: data differs ("));
  }
  SECTION("the base") {
    test::GgufBuilder other = test::tiny_llama();
    std::string bytes = other.bytes();
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    write_text(shop.folder + "/other.gguf", bytes);
    shop.base = open_model(shop.folder + "/other.gguf");
    CHECK(test::error_of([&] { shop.run(disk); }).starts_with("cannot resume: base differs ("));
  }
}

TEST_CASE("a damaged checkpoint falls back to the one before") {
  Workshop shop;
  MemoryDisk disk;
  shop.run(disk);
  const std::string adapter = disk.bytes(kAdapter);
  std::string& tensors = disk.bytes("/out/checkpoints/step-00000006/tensors.safetensors");
  tensors[tensors.size() / 2] = static_cast<char>(tensors[tensors.size() / 2] ^ 1);
  disk.remove(kAdapter);
  shop.options.resume = true;
  int updates = 0;
  shop.run(disk, [&](const FinetuneEvent& event) {
    updates += event.kind == FinetuneEvent::Kind::update ? 1 : 0;
    return true;
  });
  CHECK(updates > 0);
  CHECK(disk.bytes(kAdapter) == adapter);
}

TEST_CASE("bad data leave no folder behind") {
  Workshop shop;
  write_text(shop.options.data.paths[0], "{\"prompt\": 1}\n");
  MemoryDisk disk;
  CHECK(test::error_of([&] { shop.run(disk); }) != "no error");
  CHECK(disk.kind("/out") == io::PathKind::missing);
}

TEST_CASE("a model that cannot be opened leaves no folder behind") {
  const Workshop shop;
  MemoryDisk disk;
  const TrainingBackend backend{
      .open = [](const TrainableOptions&) -> std::unique_ptr<TrainableModel> {
        throw Error(ErrorKind::config, "no such device");
      },
      .plan = nullptr,
      .write_folder = nullptr,
      .torch_version = "none",
      .files = disk};
  CHECK(test::error_of([&] { run_finetune(shop.base, shop.options, backend, {}); }) ==
        "no such device");
  CHECK(disk.kind("/out") == io::PathKind::missing);
}

TEST_CASE("data are told: their lengths, and the rows that are left out") {
  Workshop shop;
  write_text(shop.options.data.paths[0], R"({"text": "one two three"})"
                                         "\n"
                                         R"({"prompt": 1, "completion": "b"})"
                                         "\n"
                                         R"({"text": "four"})");
  shop.options.data.skip_bad = true;
  shop.options.valid = shop.folder + "/valid.jsonl";
  shop.options.valid_split = std::nullopt;
  write_text(*shop.options.valid, R"({"text": "five"})");
  std::string told;
  MemoryDisk disk;
  shop.run(disk, [&](const FinetuneEvent& event) {
    if (event.kind == FinetuneEvent::Kind::notice) told += event.text + "\n";
    return true;
  });
  CHECK(told.find("data: 2 rows, ") != std::string::npos);
  CHECK(told.find("; 1 bad\n") != std::string::npos);
  CHECK(told.find("rows.jsonl: line 2: field prompt") != std::string::npos);
  CHECK(told.find("validation data: 1 rows, ") != std::string::npos);
}

TEST_CASE("rows beyond what the model was trained on are a notice") {
  Workshop shop;
  const auto n = static_cast<size_t>(shop.base->config().n_ctx_train);
  std::string row = R"({"text": ")";
  for (size_t i = 0; i < n; ++i) row += "x y ";
  write_text(shop.options.data.paths[0], row + "\"}\n" + row + "z\"}\n");
  shop.options.valid_split = std::nullopt;
  shop.options.steps = 1;
  std::string notices;
  set_notice_sink([&](std::string_view text) { notices += text; });
  MemoryDisk disk;
  shop.run(disk);
  set_notice_sink({});
  CHECK(notices.find("the model was trained on " + std::to_string(n)) != std::string::npos);
}

TEST_CASE("an adapter that is started from keeps its form, and the record says so") {
  Workshop shop;
  const std::string start = shop.folder + "/start";
  io::file_system().make_directory(start, 0700);
  write_adapter(io::file_system(), start,
                model::make_adapter({.rank = 4, .alpha = 6, .targets = {"v_proj"}}, *shop.base, 1),
                *shop.base);
  shop.options.adapter = start;
  MemoryDisk disk;
  shop.run(disk);
  const Json run = parse_json(disk.bytes("/out/run.json"));
  const Json& settings = *run.find("settings");
  CHECK(settings.find("rank")->as_int64() == 4);
  CHECK(settings.find("alpha")->as_double() == 6);
  CHECK(to_text(*settings.find("targets")) == R"(["v_proj"])");
  CHECK(settings.find("adapter")->as_string() == "start");
}

TEST_CASE("results are for whom the umask lets, checkpoints for their owner") {
  Workshop shop;
  shop.options.tensorboard = true;
  MemoryDisk disk;
  shop.run(disk);
  for (const std::string& name : disk.list("/out")) {
    CAPTURE(name);
    if (name != "checkpoints") CHECK(disk.mode("/out/" + name) == 0644);
  }
  for (const char* name : {"manifest.json", "state.json", "tensors.safetensors"}) {
    CHECK(disk.mode(std::string("/out/checkpoints/step-00000006/") + name) == 0600);
  }
}

TEST_CASE("all weights of a GGUF file go to who can write a folder of them") {
  Workshop shop;
  shop.options.method = Method::full;
  int written = 0;
  shop.write_folder = [&](const std::string& folder, const TrainedValues& values) {
    CHECK(folder == "/out");
    Weights weights = shop.base->weights();
    model::for_each_tensor(shop.base->config(), weights, [&](const model::TensorSlot& slot) {
      CHECK(static_cast<int64_t>(values(slot.tensor).size()) == slot.view->elements());
      ++written;
    });
    CHECK(values({model::TensorRole::q, 7}).empty());
    throw Error(ErrorKind::io, "the disk is full");
  };
  MemoryDisk disk;
  CHECK(test::error_of([&] { shop.run(disk); }) == "the disk is full");
  CHECK(written == 11);
}

TEST_CASE("a plan says what it would take, and makes nothing") {
  const Workshop shop;
  const TrainingBackend backend{.open = nullptr,
                                .plan =
                                    [](const TrainableOptions& o) {
                                      return TrainingMemory{1, o.batch_tokens, 3, true, 1e6};
                                    },
                                .write_folder = nullptr,
                                .torch_version = ""};
  const FinetunePlan plan = plan_run(shop.base, shop.options, backend);
  CHECK(plan.updates == 6);
  CHECK(plan.parameters == 2 * (32 + 32) + 2 * (48 + 32));
  CHECK(plan.label_tokens > 0);
  CHECK(plan.label_tokens < plan.tokens);
  CHECK(plan.recompute);
  CHECK(plan.checkpoint_bytes > 16 * plan.parameters);
  // Two epochs; frozen weights forwards, backwards and forwards again, trained ones with gradients.
  const auto frozen = static_cast<double>(shop.base->n_parameters());
  const double a_token = 6 * frozen + 6 * static_cast<double>(plan.parameters);
  CHECK_THAT(plan.seconds, Catch::Matchers::WithinRel(
                               2 * static_cast<double>(plan.tokens) * a_token / 1e6, 1e-12));
}

}  // namespace
}  // namespace nalar::train
