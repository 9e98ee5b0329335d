#pragma once

#include <memory>
#include <string_view>

#include "tokenizer/hf_side_files.h"
#include "tokenizer/pipeline_tokenizer.h"

namespace nalar::tokenizer {

// The pipeline that a tokenizer.json describes, with what the side files add. Borrows nothing.
// Errors: bad_data: JSON errors by line and column, everything else by the component's path.
std::unique_ptr<Pipeline> hf_pipeline(std::string_view tokenizer_json, const HfSideFiles& side);

}  // namespace nalar::tokenizer
