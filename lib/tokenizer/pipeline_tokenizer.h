#pragma once

#include <nalar/tokenizer.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/pieces.h"
#include "tokenizer/subword_model.h"
#include "tokenizer/token_decoder.h"
#include "tokenizer/vocab.h"

namespace nalar::tokenizer {

using NormalizeStep = std::function<void(std::string&)>;

// What a tokenizer is made of, whatever file describes it.
struct Pipeline {
  Vocab vocab;
  std::string vocab_text;  // what vocab borrows, where that is no mapped file
  std::map<TokenId, std::string> normalized_added;  // what added_normalized borrows
  AddedTokens added;                                // found in the text as it is
  AddedTokens added_normalized;                     // found in the normalized text
  std::vector<NormalizeStep> normalizer;
  std::vector<PiecesStep> pre_tokenizer;
  std::unique_ptr<SubwordModel> model;
  std::vector<TokenId> prefix, suffix;  // what add_special adds
  std::vector<DecodeStep> decoder;
  bool literal_added = false;  // control and user tokens are printed as they are spelled
  std::optional<std::string> unknown_text;  // what the unknown token prints; nothing without it
  SpecialTokens special;
  std::string type;
  std::string source;
  // Ids below this have a row in the embedding.
  std::optional<TokenId> n_embedded;
  std::shared_ptr<const void> keep_alive;  // the files that all this borrows from
};

// The tokenizer that a pipeline describes. Thread-safe.
class PipelineTokenizer : public Tokenizer {
 public:
  // `pipeline` stays where it is: its model borrows from its vocabulary.
  explicit PipelineTokenizer(std::unique_ptr<const Pipeline> pipeline);

  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const override;
  std::string decode(std::span<const TokenId> ids, bool with_special) const override;
  std::string token_bytes(TokenId id) const override;
  int n_tokens() const override { return p_->vocab.size(); }
  std::string_view piece(TokenId id) const override;
  TokenKind kind(TokenId id) const override;
  std::optional<TokenId> find(std::string_view piece) const override;
  const SpecialTokens& special() const override { return p_->special; }
  bool adds_bos() const override;
  bool adds_eos() const override;
  std::string_view type() const override { return p_->type; }
  std::string_view source() const override { return p_->source; }

 private:
  class Encoding;
  void need(TokenId id) const;
  bool hidden(TokenId id) const;  // not printed
  TokenText text_of(TokenId id) const;

  std::unique_ptr<const Pipeline> p_;
};

}  // namespace nalar::tokenizer
