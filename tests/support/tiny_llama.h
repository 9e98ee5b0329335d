#pragma once

#include "support/gguf_builder.h"

namespace nalar::test {

// A whole llama model with random-looking weights and a byte-level tokenizer, about 60 KB: small
// enough to break in a thousand ways, whole enough for `nalar` to run. Keys and tensors are in the
// order of real files. d_model 32, 1 layer, 4 heads, 2 KV heads, d_ff 48, 265 tokens (256 bytes,
// some merges, 2 control tokens), context 64.
GgufBuilder tiny_llama();

}  // namespace nalar::test
