#pragma once

#include "io/gguf_metadata.h"
#include "tokenizer/bpe.h"

namespace nalar::tokenizer {

// tokenizer.ggml.merges: "left right" in the order of rank.
// Errors: bad_data that names the merge: not two parts, a part or the whole that is no token.
MergeTable read_gguf_merges(const io::GgufMetadata& metadata, const Vocab& vocab);

}  // namespace nalar::tokenizer
