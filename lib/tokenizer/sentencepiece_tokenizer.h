#pragma once

#include <memory>
#include <string_view>

#include "tokenizer/hf_side_files.h"
#include "tokenizer/pipeline_tokenizer.h"

namespace nalar::tokenizer {

// A SentencePiece .model file, run by the sentencepiece library, with the added tokens of the side
// files. A BOS is added where the model has one and the side files do not say otherwise. Borrows
// nothing. Errors: bad_data (see spm_proto.h).
std::unique_ptr<Pipeline> sentencepiece_pipeline(std::string_view model_bytes,
                                                 const HfSideFiles& side);

}  // namespace nalar::tokenizer
