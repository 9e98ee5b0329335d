#pragma once

#include <memory>
#include <optional>

#include "tokenizer/json_at.h"
#include "tokenizer/pipeline_tokenizer.h"

namespace nalar::tokenizer {

// The "model" of a tokenizer.json: its vocabulary first, and when added tokens have joined it, the
// model.
void add_hf_vocab(const JsonAt& model, VocabBuilder& vocab);

struct HfModel {
  std::unique_ptr<SubwordModel> model;
  std::string type;
  // Tokens are joined from neighbouring ones, and a ▁ is always one of them: the text may be cut
  // before a ▁ where no token reaches across.
  bool joins_neighbours = false;
};
// Whether the model can take bytes in place of their stand-ins.
bool hf_model_takes_bytes(const JsonAt& model);
HfModel hf_model(const JsonAt& model, const Vocab& vocab, bool raw_bytes);

}  // namespace nalar::tokenizer
