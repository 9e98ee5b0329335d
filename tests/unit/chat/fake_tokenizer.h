#pragma once

#include <nalar/tokenizer.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nalar::test {

// One id for each byte, and control tokens above; a control token needs a place wholly inside a
// range.
class FakeTokenizer : public Tokenizer {
 public:
  explicit FakeTokenizer(std::vector<std::string> control) : control_(std::move(control)) {}

  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const override {
    std::vector<TokenId> ids;
    for (size_t at = 0; at < text.size();) {
      const auto token = std::find_if(control_.begin(), control_.end(), [&](const std::string& c) {
        return options.parse_special && text.substr(at, c.size()) == c &&
               allowed(at, at + c.size(), options);
      });
      if (token == control_.end()) {
        ids.push_back(static_cast<unsigned char>(text[at++]));
      } else {
        ids.push_back(256 + static_cast<TokenId>(token - control_.begin()));
        at += token->size();
      }
    }
    return ids;
  }
  std::string decode(std::span<const TokenId>, bool) const override { return {}; }
  std::string token_bytes(TokenId) const override { return {}; }
  int n_tokens() const override { return 256 + static_cast<int>(control_.size()); }
  std::string_view piece(TokenId) const override { return {}; }
  TokenKind kind(TokenId id) const override {
    return id < 256 ? TokenKind::byte : TokenKind::control;
  }
  std::optional<TokenId> find(std::string_view) const override { return std::nullopt; }
  const SpecialTokens& special() const override { return special_; }
  bool adds_bos() const override { return false; }
  bool adds_eos() const override { return false; }
  std::string_view type() const override { return "fake"; }
  std::string_view source() const override { return "test"; }

 private:
  static bool allowed(size_t begin, size_t end, const EncodeOptions& options) {
    if (!options.special_ranges) return true;
    return std::any_of(options.special_ranges->begin(), options.special_ranges->end(),
                       [&](const TextRange& r) { return r.begin <= begin && end <= r.end; });
  }

  std::vector<std::string> control_;
  SpecialTokens special_;
};

inline std::vector<TokenId> control_ids(const std::vector<TokenId>& ids) {
  std::vector<TokenId> out;
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(out),
               [](TokenId id) { return id >= 256; });
  return out;
}

}  // namespace nalar::test
