#include <nalar/tokenizer.h>

#include "base/utf8.h"

namespace nalar {

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool with_special)
    : tokenizer_(std::move(tokenizer)), with_special_(with_special) {}

std::string StreamDecoder::push(TokenId id) {
  const bool shown_control = with_special_ && tokenizer_->kind(id) == TokenKind::control;
  held_ += shown_control ? std::string(tokenizer_->piece(id)) : tokenizer_->token_bytes(id);
  const size_t tail = base::incomplete_tail(held_);
  std::string text = base::to_valid_utf8(std::string_view(held_).substr(0, held_.size() - tail));
  held_.erase(0, held_.size() - tail);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text = base::to_valid_utf8(held_);
  held_.clear();
  return text;
}

}  // namespace nalar
