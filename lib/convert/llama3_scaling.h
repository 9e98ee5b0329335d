#pragma once

#include <nalar/model_config.h>

#include <cstdint>
#include <optional>

namespace nalar::convert {

// The parameters of llama3's scaling whose result rope_freqs.weight is: GGUF keeps that alone.
// `original_context` where the file tells it. Errors: bad_data where no parameters give these
// factors.
RopeScaling llama3_scaling(const RopeSpec& rope, std::optional<int64_t> original_context);

}  // namespace nalar::convert
