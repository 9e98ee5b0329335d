#pragma once

#include <nalar/model.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/file_system.h"
#include "io/safetensors_reader.h"
#include "model/lora.h"
#include "model/module_pattern.h"

// PEFT's form of an adapter (github.com/huggingface/peft, 0.21): adapter_config.json and
// adapter_model.safetensors, whose tensors are called base_model.model.MODULE.lora_A.weight and so
// on.
namespace nalar::model {

inline constexpr const char* kPeftConfigName = "adapter_config.json";
inline constexpr const char* kPeftWeightsName = "adapter_model.safetensors";

// What adapter_config.json says. Which modules there are is said by the tensors alone.
struct PeftConfig {
  LoraConfig lora;  // targets as the file has them; empty where it has a pattern
  std::vector<ModulePattern> target_patterns;            // one, or none
  std::vector<std::pair<ModulePattern, int>> ranks;      // the first that matches holds
  std::vector<std::pair<ModulePattern, double>> alphas;  // likewise
  std::vector<std::string> modules_to_save;
  bool ties_head = false;  // a tied head is adapted as the embedding is
  std::string base_name;   // as the file has it; never opened
};

// Errors: bad_data that names the key: a value out of its range, and whatever may change what the
// model computes in a way that is not known here. Keys that name code or places are left alone.
PeftConfig parse_peft_config(std::string_view json);

// The adapter for this base, whose own order its rows get. Errors: bad_data that names the tensor
// that is missing, does not fit or has values that are not finite; a target that the base lacks.
LoraAdapter bind_peft(const PeftConfig& config, const io::SafetensorsFile& file, const Model& base);

// The targets as they are written: "q_proj" where all layers have it, else
// "model.layers.3.mlp.up_proj".
std::vector<std::string> target_names(const LoraAdapter& adapter, const ModelConfig& base);

// Makes both files, fp32, in a folder that is there. Errors: cannot_create, io.
void write_peft(io::FileSystem& files, const std::string& folder, const LoraAdapter& adapter,
                const Model& base);

}  // namespace nalar::model
