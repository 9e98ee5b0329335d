#pragma once

#include <nalar/json.h>
#include <nalar/model_config.h>

#include <optional>
#include <string_view>

#include "io/gguf_metadata.h"

namespace nalar::model {

// generation_config.json: the values that we know; others steer other programs and are left alone.
// Errors: bad_data that names the key, also for an id that is none of the vocabulary.
GenerationDefaults read_generation_config(std::string_view text, int vocab_size);
// eos_token_id of a config.json (a number or a list), for folders without generation_config.json.
GenerationDefaults generation_of_config(const Json& config, int vocab_size);
// general.sampling.* of a GGUF file.
GenerationDefaults read_sampling_keys(const io::GgufMetadata& metadata);

}  // namespace nalar::model
