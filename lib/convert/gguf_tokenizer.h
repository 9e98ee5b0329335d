#pragma once

#include <nalar/model.h>

#include "convert/gguf_form.h"

namespace nalar::convert {

// The tokenizer.ggml.* keys of a Hugging Face folder: model "gpt2" for byte-level BPE, "llama" for
// SentencePiece's BPE. What the keys cannot say of single tokens is named in left_out. Errors:
// bad_data for a tokenizer that they cannot say, by the component; the finished keys are tried on
// texts of many kinds, and a text whose ids differ is such an error too.
void set_tokenizer(const Model& model, GgufForm& form);

}  // namespace nalar::convert
