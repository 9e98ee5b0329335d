#pragma once

#include <nalar/model_config.h>

#include <string>
#include <vector>

#include "io/gguf_writer.h"

namespace nalar::convert {

// Sets general.architecture and its keys. Adds to `notices` what our reader takes from them and
// llama.cpp does not.
void set_architecture(const ModelConfig& config, io::GgufKeys& keys,
                      std::vector<std::string>& notices);

// rope_freqs.weight: what the frequencies are divided by where no key says it (llama3's scaling);
// empty where keys do.
std::vector<float> rope_factors(const ModelConfig& config);

}  // namespace nalar::convert
