#pragma once

#include <nalar/json.h>
#include <nalar/tokenizer.h>

#include <string>
#include <string_view>
#include <vector>

namespace nalar::convert {

struct Merge {
  std::string left, right;
};

// A tokenizer.json as far as GGUF has words for it. Errors: bad_data that names the component.
class TokenizerJson {
 public:
  explicit TokenizerJson(std::string_view text);

  // tokenizer.ggml.pre of a byte-level BPE.
  std::string_view gguf_pre() const;
  std::vector<Merge> merges() const;
  // A score for each piece that makes SentencePiece's rule (the neighbours whose whole has the
  // highest score) do what the merges do. Errors: merges that this rule cannot say.
  std::vector<float> merge_scores(const Tokenizer& tokenizer) const;
  // What single added tokens ask for that GGUF cannot say, for people.
  std::vector<std::string> token_rules() const;

 private:
  Json json_;
};

}  // namespace nalar::convert
