#pragma once

#include <nalar/model.h>

#include <string>
#include <vector>

#include "io/gguf_reader.h"
#include "io/gguf_writer.h"
#include "model/lora.h"

// llama.cpp's form of an adapter: general.type "adapter", adapter.type "lora", adapter.lora.alpha,
// and for a tensor NAME of the base NAME.lora_a [R, in] and NAME.lora_b [out, R], used with the
// scale alpha / R. Of the embedding lora_a is [V, R], lora_b [D, R]. Rows as the GGUF of the base
// has them.
namespace nalar::model {

// The adapter for this base, whose own order its rows get. Errors: bad_data that names the key or
// tensor that is missing, unknown, does not fit or has values that are not finite.
LoraAdapter bind_gguf_adapter(const io::GgufFile& file, const Model& base);

struct GgufAdapter {
  io::GgufKeys keys;
  std::vector<io::GgufTensorToWrite> tensors;  // hold their values
  // Modules whose scale the one alpha cannot say; it is multiplied into their B, which rounds.
  std::vector<std::string> folded;
};
// Errors: bad_data for what the format cannot say: whole tensors (modules_to_save), an adapted head
// or embedding of a base where they are one.
GgufAdapter gguf_adapter(const LoraAdapter& adapter, const Model& base);

}  // namespace nalar::model
