#pragma once

#include <nalar/finetune.h>

#include "model_flags.h"

namespace nalar::apps {

// The options of nalar finetune. What a word or a unit stands for is kept as it was given;
// finetune_options() makes the library's options of it.
struct FinetuneFlags {
  ModelFlags model;
  FinetuneOptions options;
  std::optional<std::string> out;
  std::string method = "lora";
  std::vector<std::string> targets;
  std::optional<std::string> columns;
  bool no_shuffle = false;
  std::optional<int64_t> steps;
  std::optional<double> epochs;
  std::string schedule = "cosine";
  std::string optimizer = "adamw";
  std::string on_long = "truncate";
  std::string learn = "assistant";
  std::string objective = "sft";
  std::string dtype = "auto";
  bool no_packing = false;
  std::optional<std::string> checkpoint_every;
  std::optional<std::string> max_time;
  std::string log = "jsonl";
  std::optional<int> preview;
};

void declare_finetune_flags(OptionSet& options, FinetuneFlags& flags);

// Errors: usage.
FinetuneOptions finetune_options(const FinetuneFlags& flags);

// "90", "90s", "30m", "2h": seconds. Errors: usage.
double parse_duration(std::string_view name, std::string_view text);

}  // namespace nalar::apps
