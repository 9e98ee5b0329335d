#include "finetune_flags.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <array>

namespace nalar::apps {
namespace {

constexpr double kMaxSeconds = 1e9;
constexpr double kMostEpochs = 10'000;
constexpr Range<double> kShare{0, 1};
constexpr Range<double> kNotNegative{0};
constexpr Range<int64_t> kFromZero{0};
constexpr Range<int64_t> kFromOne{1};

void declare_method(OptionSet& options, FinetuneFlags& f) {
  options.group("Method");
  options.choice({"--method", "M",
                  "lora: a small adapter on the frozen model, which may be a quantized GGUF; full: "
                  "all weights [lora]"},
                 f.method, {"lora", "full", "dora"});
  options.number({"--rank", "R", "rank of the adapter [16]"}, f.options.rank, {1, 4096});
  options.number({"--alpha", "A", "the adapter counts alpha / rank [32]"}, f.options.alpha,
                 kNotNegative);
  options.number({"--dropout", "P", "of the adapter's input [0]"}, f.options.dropout, {0, 0.99});
  options.texts({"--targets", "NAMES",
                 "what gets an adapter, with commas or repeated: all-linear, or names as q_proj, "
                 "embed_tokens, lm_head [all-linear]"},
                f.targets);
  options.flag({"--rslora", "", "the adapter counts alpha / √rank"}, f.options.rslora);
  options.text({"--adapter", "DIR", "start from this adapter; its rank, alpha and targets hold"},
               f.options.adapter);
}

void declare_data(OptionSet& options, FinetuneFlags& f) {
  options.group("Data");
  options.text({"--columns", "MAP", "which column or field is what: prompt=text,completion=label"},
               f.columns);
  options.text({"--valid", "FILE", "rows to validate with"}, f.options.valid);
  options.number({"--valid-split", "F",
                  "or this share of the rows, the last ones [0.05 above 200 rows, else 0]"},
                 f.options.valid_split, {0, 0.9});
  options.number({"--max-length", "N", "tokens of a row [2048]"}, f.options.data.max_length, {2});
  options.choice({"--on-long", "WHAT", "with a longer row: truncate, drop or error [truncate]"},
                 f.on_long, {"truncate", "drop", "error"});
  options.choice(
      {"--learn", "WHAT",
       "assistant: its turns, or the completion, and the token that ends them; last: the "
       "last of its turns; all: every token [assistant]"},
      f.learn, {"assistant", "last", "all"});
  options.flag({"--skip-bad", "", "leave rows with errors out, and list them"},
               f.options.data.skip_bad);
  options.flag({"--no-shuffle", "", "keep the order of the file"}, f.no_shuffle);
  options.number({"--canaries", "N",
                  "put N random secrets among the training rows, for nalar eval --leak to look "
                  "for; DIR/canaries.json names them [0]"},
                 f.options.canaries, {0, 10'000});
  options.number({"--canary-repeats", "R", "rows of each canary [1]"}, f.options.canary_repeats,
                 {1, 1'000'000});
  options.optional_number(
      {"--preview", "[N]", "show the first N rows as the model sees them, and end [3]"}, f.preview,
      {1, 1'000'000}, 3);
}

void declare_recipe(OptionSet& options, FinetuneFlags& f) {
  options.group("Recipe");
  options.number({"--epochs", "E", "times through the data [1]"}, f.epochs, {0, kMostEpochs});
  options.number({"--steps", "N", "or this many updates"}, f.steps, kFromOne);
  options.number({"--lr", "X", "learning rate [0.0002]"}, f.options.lr, kNotNegative);
  options.choice({"--schedule", "S", "of the learning rate: cosine, linear or constant [cosine]"},
                 f.schedule, {"cosine", "linear", "constant"});
  options.number({"--warmup", "F", "share of the updates in which it rises [0.03]"},
                 f.options.warmup, kShare);
  options.choice({"--optimizer", "O", "adamw or sgd [adamw]"}, f.optimizer, {"adamw", "sgd"});
  options.number({"--weight-decay", "X", "[0]"}, f.options.weight_decay, kNotNegative);
  options.number({"--clip", "X", "largest norm of the gradient; 0: any [1]"}, f.options.clip,
                 kNotNegative);
  options.number({"--batch-tokens", "N",
                  "tokens computed at once, packed (default: from the length of the rows)"},
                 f.options.batch_tokens, kFromZero);
  options.number({"--batch-rows", "N",
                  "rows of an update [8, or with --batch-tokens or --accumulate: what these hold]"},
                 f.options.batch_rows, kFromZero);
  options.number({"--accumulate", "N", "batches of an update [1]"}, f.options.accumulate, kFromOne);
  options.flag({"--no-packing", "", "compute each row alone"}, f.no_packing);
  options.choice({"--objective", "O", "sft: the next token [sft]"}, f.objective,
                 {"sft", "dpo", "orpo"});
  options.number({"-s,--seed", "N", "of the adapter's start, the order and dropout [0]"},
                 f.options.seed, Range<uint64_t>{});
}

void declare_saving(OptionSet& options, FinetuneFlags& f) {
  options.group("Saving");
  options.text({"-o,--out", "DIR", "where the result goes: a folder that does not exist"}, f.out);
  options.flag({"--resume", "", "go on with what was saved in DIR"}, f.options.resume);
  options.command_line_only();
  options.text({"--checkpoint-every", "N|Mm",
                "save after N updates or M minutes, and at each epoch's end [10m]"},
               f.checkpoint_every);
  options.number({"--keep", "N", "checkpoints kept [2]"}, f.options.keep, {1, 1000});
  options.number({"--eval-every", "N", "validate after N updates (default: at each epoch's end)"},
                 f.options.eval_every, kFromZero);
  options.number({"--early-stop", "K",
                  "end after K validations without a better one; the best is kept; 0: don't [0]"},
                 f.options.early_stop, {0});
  options.text({"--max-time", "T", "save and end (75) after this time: 90s, 30m, 2h"}, f.max_time);
  options.choice({"--log", "L", "jsonl, or tensorboard: its event files as well [jsonl]"}, f.log,
                 {"jsonl", "tensorboard"});
}

void declare_machine(OptionSet& options, FinetuneFlags& f) {
  declare_machine_flags(options, f.model);
  options.choice({"--dtype", "T",
                  "numbers of products and activations: fp32, bf16, or auto: what this machine "
                  "does best [auto]"},
                 f.dtype, {"auto", "fp32", "bf16"});
  options.flag({"--allow-symlinks", "", "follow links that lead out of the model's folder"},
               f.model.allow_symlinks);
  options.flag(
      {"--dry-run", "", "what it would need, against what this machine has; trains nothing"},
      f.model.dry_run);
  options.command_line_only();
}

// The value beside a word.
template <typename T, size_t N>
T meaning(const std::string& word, const std::array<std::pair<const char*, T>, N>& words) {
  const auto at = std::find_if(words.begin(), words.end(),
                               [&word](const auto& pair) { return word == pair.first; });
  if (at == words.end()) {
    throw Error(ErrorKind::internal, fmt::format("no meaning of \"{}\"", word));
  }
  return at->second;
}

void refuse_later(const FinetuneFlags& f) {
  if (f.method == "dora") throw Error(ErrorKind::usage, "--method dora is not there yet");
  if (f.objective != "sft") {
    throw Error(ErrorKind::usage, fmt::format("--objective {} is not there yet", f.objective));
  }
}

std::vector<std::string> split_names(const std::vector<std::string>& lists) {
  std::vector<std::string> names;
  for (std::string_view list : lists) {
    while (!list.empty()) {
      const std::string_view name = list.substr(0, list.find(','));
      if (!name.empty()) names.emplace_back(name);
      list.remove_prefix(std::min(list.size(), name.size() + 1));
    }
  }
  if (names.empty()) throw Error(ErrorKind::usage, "--targets: got none, need names");
  return names;
}

// "N" updates or "Mm" minutes.
void set_checkpoints(const std::string& text, FinetuneOptions& o) {
  constexpr const char* kName = "--checkpoint-every";
  if (text.ends_with('m')) {
    o.checkpoint_minutes = parse_duration(kName, text) / 60;
  } else if (text.find_first_not_of("0123456789") == std::string::npos) {
    o.checkpoint_every = parse_number(kName, text, kFromOne);
  } else {
    throw Error(ErrorKind::usage,
                fmt::format("{}: got \"{}\", need a number of updates, or minutes as 10m", kName,
                            printable(text, 60)));
  }
}

}  // namespace

void declare_finetune_flags(OptionSet& options, FinetuneFlags& f) {
  options.positional("MODEL", f.model.path,
                     "a .gguf file, or a folder as Hugging Face lays it out");
  options.positionals("DATA", f.options.data.paths,
                      "rows to learn: .jsonl .json .csv .tsv .txt; chats, alpaca, prompt and "
                      "completion, text, or token ids");
  declare_saving(options, f);
  declare_method(options, f);
  declare_data(options, f);
  declare_recipe(options, f);
  declare_machine(options, f);
  options.not_yet({"--loraplus"});
}

double parse_duration(std::string_view name, std::string_view text) {
  const std::string_view number = text.substr(0, text.find_last_of("0123456789.") + 1);
  const std::string_view unit = text.substr(number.size());
  const double factor = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  double value = 0;
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  const bool whole = error == std::errc{} && stop == number.data() + number.size();
  if (factor == 0 || !whole || !(value > 0) || value * factor > kMaxSeconds) {
    throw Error(ErrorKind::usage, fmt::format("{}: got \"{}\", need a time as 90s, 30m or 2h", name,
                                              printable(text, 60)));
  }
  return value * factor;
}

FinetuneOptions finetune_options(const FinetuneFlags& f) {
  refuse_later(f);
  if (f.options.data.paths.empty()) throw Error(ErrorKind::usage, "DATA is missing: rows to learn");
  if (f.epochs && f.steps) throw Error(ErrorKind::usage, "--epochs and --steps exclude each other");
  FinetuneOptions o = f.options;
  o.method = meaning<Method>(
      f.method, std::array{std::pair{"lora", Method::lora}, std::pair{"full", Method::full}});
  o.schedule = meaning<Schedule>(f.schedule, std::array{std::pair{"cosine", Schedule::cosine},
                                                        std::pair{"linear", Schedule::linear},
                                                        std::pair{"constant", Schedule::constant}});
  o.optimizer = meaning<Optimizer>(f.optimizer, std::array{std::pair{"adamw", Optimizer::adamw},
                                                           std::pair{"sgd", Optimizer::sgd}});
  o.dtype = meaning<TrainDtype>(f.dtype, std::array{std::pair{"auto", TrainDtype::automatic},
                                                    std::pair{"fp32", TrainDtype::fp32},
                                                    std::pair{"bf16", TrainDtype::bf16}});
  o.data.on_long = meaning<OnLong>(
      f.on_long, std::array{std::pair{"truncate", OnLong::truncate},
                            std::pair{"drop", OnLong::drop}, std::pair{"error", OnLong::error}});
  o.data.learn = meaning<Learn>(
      f.learn, std::array{std::pair{"assistant", Learn::assistant}, std::pair{"last", Learn::last},
                          std::pair{"all", Learn::all}});
  o.data.columns = f.columns.value_or("");
  if (!f.targets.empty()) o.targets = split_names(f.targets);
  o.epochs = f.epochs.value_or(o.epochs);
  o.steps = f.steps.value_or(0);
  o.shuffle = !f.no_shuffle;
  o.packing = !f.no_packing;
  if (f.checkpoint_every) set_checkpoints(*f.checkpoint_every, o);
  if (f.max_time) o.max_seconds = parse_duration("--max-time", *f.max_time);
  o.tensorboard = f.log == "tensorboard";
  o.threads = f.model.threads.value_or(0);
  o.device = device(f.model);
  o.out = f.out.value_or("");
  return o;
}

}  // namespace nalar::apps
