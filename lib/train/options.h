#pragma once

#include <nalar/finetune.h>
#include <nalar/json.h>

#include <string_view>

namespace nalar::train {

std::string_view name(Method method) noexcept;        // "lora", "full"
std::string_view name(Optimizer optimizer) noexcept;  // "adamw", "sgd"
std::string_view name(Schedule schedule) noexcept;    // "constant", "linear", "cosine"
std::string_view name(TrainDtype dtype) noexcept;     // "auto", "fp32", "bf16"
std::string_view name(Learn learn) noexcept;          // "assistant", "last", "all"
std::string_view name(OnLong on_long) noexcept;       // "truncate", "drop", "error"

// The options that decide what comes out, by their names at the command line: an object.
Json recipe_json(const FinetuneOptions& options);
// All of them: the recipe, files and folders by their names alone, and how it is saved.
Json settings_json(const FinetuneOptions& options);

}  // namespace nalar::train
