#pragma once

#include <nalar/tokenizer.h>

#include <algorithm>
#include <string>
#include <vector>

namespace nalar::test {

// One id for each byte, and control tokens above; a control token needs a place wholly inside a
// range. The first control token is EOS and the only one that is known to end a turn.
class ByteTokenizer : public Tokenizer {
 public:
  explicit ByteTokenizer(std::vector<std::string> control) : pieces_(std::move(control)) {
    for (int b = 255; b >= 0; --b)
      pieces_.insert(pieces_.begin(), std::string(1, static_cast<char>(b)));
    special_.eos = 256;
    special_.end = {256};
  }
  void add_bos(TokenId id) {
    special_.bos = id;
    adds_bos_ = true;
  }

  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const override {
    std::vector<TokenId> ids;
    if (options.add_special && adds_bos_) ids.push_back(*special_.bos);
    for (size_t at = 0; at < text.size();) {
      const auto token = std::find_if(pieces_.begin() + 256, pieces_.end(), [&](const auto& c) {
        return options.parse_special && text.substr(at, c.size()) == c &&
               allowed(at, at + c.size(), options);
      });
      if (token == pieces_.end()) {
        ids.push_back(static_cast<unsigned char>(text[at++]));
      } else {
        ids.push_back(static_cast<TokenId>(token - pieces_.begin()));
        at += token->size();
      }
    }
    return ids;
  }
  std::string decode(std::span<const TokenId> ids, bool with_special) const override {
    std::string text;
    for (const TokenId id : ids) text += with_special ? std::string(piece(id)) : token_bytes(id);
    return text;
  }
  std::string token_bytes(TokenId id) const override {
    return id < 256 ? std::string(piece(id)) : std::string();
  }
  int n_tokens() const override { return static_cast<int>(pieces_.size()); }
  std::string_view piece(TokenId id) const override { return pieces_.at(static_cast<size_t>(id)); }
  TokenKind kind(TokenId id) const override {
    return id < 256 ? TokenKind::byte : TokenKind::control;
  }
  std::optional<TokenId> find(std::string_view) const override { return std::nullopt; }
  const SpecialTokens& special() const override { return special_; }
  bool adds_bos() const override { return adds_bos_; }
  bool adds_eos() const override { return false; }
  std::string_view type() const override { return "bytes"; }
  std::string_view source() const override { return "a test"; }

 private:
  static bool allowed(size_t begin, size_t end, const EncodeOptions& options) {
    if (!options.special_ranges) return true;
    return std::any_of(options.special_ranges->begin(), options.special_ranges->end(),
                       [&](const TextRange& r) { return r.begin <= begin && end <= r.end; });
  }

  std::vector<std::string> pieces_;
  SpecialTokens special_;
  bool adds_bos_ = false;
};

}  // namespace nalar::test
