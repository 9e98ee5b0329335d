#pragma once

#include <memory>

#include "io/gguf_metadata.h"
#include "tokenizer/pipeline_tokenizer.h"

namespace nalar::tokenizer {

// The tokenizer that the tokenizer.ggml.* keys describe: model "llama" (SentencePiece BPE) or
// "gpt2" (byte-level BPE). Borrows from the mapped file. Errors: bad_data that names the key, the
// token or the merge.
std::unique_ptr<Pipeline> gguf_pipeline(const io::GgufMetadata& metadata);

}  // namespace nalar::tokenizer
