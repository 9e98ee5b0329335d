#include "finetune_flags.h"

#include <nalar/error.h>

#include <algorithm>

#include "support/catch.h"
#include "support/error_of.h"

namespace nalar::apps {
namespace {

// What the command line `arguments` after MODEL and DATA makes of the options.
FinetuneOptions options_of(std::vector<std::string> arguments) {
  CLI::App app{"", "finetune"};
  OptionSet set{app};
  FinetuneFlags flags;
  declare_finetune_flags(set, flags);
  arguments.insert(arguments.begin(), {"model.gguf", "a.jsonl"});
  std::reverse(arguments.begin(), arguments.end());
  app.parse(std::move(arguments));
  set.apply_command_line();
  return finetune_options(flags);
}

std::string error_of(std::vector<std::string> arguments) {
  return test::error_of([&] { options_of(std::move(arguments)); });
}

}  // namespace

TEST_CASE("without options the library's defaults hold") {
  const FinetuneOptions o = options_of({});
  const FinetuneOptions defaults;
  CHECK(o.data.paths == std::vector<std::string>{"a.jsonl"});
  CHECK(o.method == Method::lora);
  CHECK(o.rank == defaults.rank);
  CHECK(o.alpha == defaults.alpha);
  CHECK(o.targets == defaults.targets);
  CHECK(o.lr == defaults.lr);
  CHECK(o.epochs == defaults.epochs);
  CHECK(o.steps == 0);
  CHECK(o.schedule == defaults.schedule);
  CHECK(o.warmup == defaults.warmup);
  CHECK(o.optimizer == defaults.optimizer);
  CHECK(o.clip == defaults.clip);
  CHECK(o.seed == defaults.seed);
  CHECK(o.dtype == defaults.dtype);
  CHECK(o.shuffle);
  CHECK(o.packing);
  CHECK_FALSE(o.resume);
  CHECK_FALSE(o.tensorboard);
  CHECK_FALSE(o.valid_split);
  CHECK(o.data.learn == Learn::assistant);
  CHECK(o.data.on_long == OnLong::truncate);
  CHECK(o.data.max_length == 2048);
  CHECK(o.checkpoint_every == 0);
  CHECK(o.checkpoint_minutes == 10);
  CHECK(o.max_seconds == 0);
  CHECK(o.device == Device::automatic);
  CHECK(o.out.empty());
}

TEST_CASE("every option reaches its field") {
  const FinetuneOptions o = options_of({"b.csv",
                                        "-o",
                                        "out",
                                        "--method",
                                        "full",
                                        "--rank",
                                        "8",
                                        "--alpha",
                                        "4.5",
                                        "--dropout",
                                        "0.1",
                                        "--rslora",
                                        "--targets",
                                        "q_proj,v_proj",
                                        "--targets",
                                        "lm_head",
                                        "--adapter",
                                        "old",
                                        "--columns",
                                        "prompt=text",
                                        "--valid",
                                        "v.jsonl",
                                        "--max-length",
                                        "99",
                                        "--on-long",
                                        "drop",
                                        "--learn",
                                        "last",
                                        "--skip-bad",
                                        "--no-shuffle",
                                        "--epochs",
                                        "2.5",
                                        "--lr",
                                        "1e-3",
                                        "--schedule",
                                        "linear",
                                        "--warmup",
                                        "0.1",
                                        "--optimizer",
                                        "sgd",
                                        "--weight-decay",
                                        "0.01",
                                        "--clip",
                                        "0",
                                        "--batch-tokens",
                                        "512",
                                        "--batch-rows",
                                        "4",
                                        "--accumulate",
                                        "3",
                                        "--no-packing",
                                        "--seed",
                                        "7",
                                        "--resume",
                                        "--checkpoint-every",
                                        "50",
                                        "--keep",
                                        "3",
                                        "--eval-every",
                                        "20",
                                        "--early-stop",
                                        "2",
                                        "--max-time",
                                        "2h",
                                        "--log",
                                        "tensorboard",
                                        "--dtype",
                                        "bf16",
                                        "--threads",
                                        "2",
                                        "--device",
                                        "cpu"});
  CHECK(o.data.paths == std::vector<std::string>{"a.jsonl", "b.csv"});
  CHECK(o.out == "out");
  CHECK(o.method == Method::full);
  CHECK(o.rank == 8);
  CHECK(o.alpha == 4.5);
  CHECK(o.dropout == 0.1);
  CHECK(o.rslora);
  CHECK(o.targets == std::vector<std::string>{"q_proj", "v_proj", "lm_head"});
  CHECK(o.adapter == "old");
  CHECK(o.data.columns == "prompt=text");
  CHECK(o.valid == "v.jsonl");
  CHECK(o.data.max_length == 99);
  CHECK(o.data.on_long == OnLong::drop);
  CHECK(o.data.learn == Learn::last);
  CHECK(o.data.skip_bad);
  CHECK_FALSE(o.shuffle);
  CHECK(o.epochs == 2.5);
  CHECK(o.lr == 1e-3);
  CHECK(o.schedule == Schedule::linear);
  CHECK(o.warmup == 0.1);
  CHECK(o.optimizer == Optimizer::sgd);
  CHECK(o.weight_decay == 0.01);
  CHECK(o.clip == 0);
  CHECK(o.batch_tokens == 512);
  CHECK(o.batch_rows == 4);
  CHECK(o.accumulate == 3);
  CHECK_FALSE(o.packing);
  CHECK(o.seed == 7);
  CHECK(o.resume);
  CHECK(o.checkpoint_every == 50);
  CHECK(o.keep == 3);
  CHECK(o.eval_every == 20);
  CHECK(o.early_stop == 2);
  CHECK(o.max_seconds == 7200);
  CHECK(o.tensorboard);
  CHECK(o.dtype == TrainDtype::bf16);
  CHECK(o.threads == 2);
  CHECK(o.device == Device::cpu);
  CHECK(options_of({"--valid-split", "0.2"}).valid_split == 0.2);
  CHECK(options_of({"--steps", "9"}).steps == 9);
}

TEST_CASE("checkpoints by updates or minutes, times with a unit") {
  CHECK(options_of({"--checkpoint-every", "2.5m"}).checkpoint_minutes == 2.5);
  CHECK(options_of({"--checkpoint-every", "2.5m"}).checkpoint_every == 0);
  CHECK(parse_duration("x", "90") == 90);
  CHECK(parse_duration("x", "1.5s") == 1.5);
  CHECK(parse_duration("x", "30m") == 1800);
  for (const char* bad :
       {"", "m", "0", "-1", "-1m", "1d", "1 m", "1m2", "1e400", "nan", "1..5m", "1e9h"}) {
    INFO(bad);
    CHECK(error_of({"--max-time", bad}).starts_with("--max-time: got "));
  }
  for (const char* bad : {"0", "-1", "m", "1h", "1.5", "0m", "x"}) {
    INFO(bad);
    CHECK(error_of({"--checkpoint-every", bad}).starts_with("--checkpoint-every: got "));
  }
  CHECK(error_of({"--checkpoint-every", "1h"}) ==
        "--checkpoint-every: got \"1h\", need a number of updates, or minutes as 10m");
}

TEST_CASE("what excludes each other, what is missing, what is not there yet") {
  CHECK(error_of({"--epochs", "1", "--steps", "1"}) == "--epochs and --steps exclude each other");
  CHECK(error_of({"--method", "dora"}) == "--method dora is not there yet");
  CHECK(error_of({"--objective", "dpo"}) == "--objective dpo is not there yet");
  CHECK(error_of({"--objective", "orpo"}) == "--objective orpo is not there yet");
  CHECK(error_of({"--loraplus", "16"}) == "--loraplus is not there yet");
  CHECK(error_of({"--method", "qlora"}).starts_with("--method: got \"qlora\""));
  CHECK(error_of({"--targets", ","}).starts_with("--targets"));
  FinetuneFlags flags;
  CHECK(test::error_of([&] { finetune_options(flags); }).starts_with("DATA is missing"));
}

TEST_CASE("--preview takes a number or none") {
  for (const auto& [arguments, rows] :
       std::vector<std::pair<std::vector<std::string>, std::optional<int>>>{
           {{}, std::nullopt},
           {{"--preview"}, 3},
           {{"--preview", "7"}, 7},
           {{"--preview", "--lr", "1"}, 3}}) {
    CLI::App app{"", "finetune"};
    OptionSet set{app};
    FinetuneFlags flags;
    declare_finetune_flags(set, flags);
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    set.apply_command_line();
    CHECK(flags.preview == rows);
  }
  CHECK(error_of({"--preview", "0"}).starts_with("--preview: got \"0\""));
}

TEST_CASE("a configuration file sets what the command line left open") {
  CLI::App app{"", "finetune"};
  OptionSet set{app};
  FinetuneFlags flags;
  declare_finetune_flags(set, flags);
  app.parse(std::vector<std::string>{"0.5", "--lr", "a.jsonl", "model.gguf"});
  set.apply_command_line();
  set.apply_config(
      Json::Object{{"lr", 0.25}, {"rank", 4}, {"targets", Json::Array{"q_proj", "o_proj"}}},
      "c.toml");
  const FinetuneOptions o = finetune_options(flags);
  CHECK(o.lr == 0.5);
  CHECK(o.rank == 4);
  CHECK(o.targets == std::vector<std::string>{"q_proj", "o_proj"});
  for (const char* once : {"resume", "preview", "dry-run"}) {
    CHECK_THROWS_AS(set.apply_config(Json::Object{{once, true}}, "c.toml"), Error);
  }
}

}  // namespace nalar::apps
