#pragma once

#include <nalar/tokenizer.h>

#include <string>
#include <vector>

namespace nalar::test {

// Ids 0 to 255 are the bytes, then come the pieces it is given, then <bos> and <eos>.
class FakeTokenizer : public Tokenizer {
 public:
  explicit FakeTokenizer(std::vector<std::string> pieces = {}) : pieces_(std::move(pieces)) {
    for (int b = 255; b >= 0; --b)
      pieces_.insert(pieces_.begin(), std::string(1, static_cast<char>(b)));
    special_.bos = static_cast<TokenId>(pieces_.size());
    special_.eos = *special_.bos + 1;
    special_.end = {*special_.eos};
    pieces_.emplace_back("<bos>");
    pieces_.emplace_back("<eos>");
  }

  std::vector<TokenId> encode(std::string_view text,
                              const EncodeOptions& /*options*/) const override {
    std::vector<TokenId> ids;
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }
  std::string decode(std::span<const TokenId> ids, bool with_special = false) const override {
    std::string text;
    for (const TokenId id : ids) text += with_special ? std::string(piece(id)) : token_bytes(id);
    return text;
  }
  std::string token_bytes(TokenId id) const override {
    return kind(id) == TokenKind::control ? "" : std::string(piece(id));
  }
  int n_tokens() const override { return static_cast<int>(pieces_.size()); }
  std::string_view piece(TokenId id) const override { return pieces_.at(static_cast<size_t>(id)); }
  TokenKind kind(TokenId id) const override {
    return id >= *special_.bos ? TokenKind::control
           : id < 256          ? TokenKind::byte
                               : TokenKind::normal;
  }
  std::optional<TokenId> find(std::string_view piece) const override {
    for (size_t id = 0; id < pieces_.size(); ++id) {
      if (pieces_[id] == piece) return static_cast<TokenId>(id);
    }
    return std::nullopt;
  }
  const SpecialTokens& special() const override { return special_; }
  bool adds_bos() const override { return true; }
  bool adds_eos() const override { return false; }
  std::string_view type() const override { return "fake"; }
  std::string_view source() const override { return "a test"; }

 private:
  std::vector<std::string> pieces_;
  SpecialTokens special_;
};

}  // namespace nalar::test
