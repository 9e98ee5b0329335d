#include "tokenizer/added_tokens.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

#include "base/utf8.h"
#include "tokenizer/characters.h"

namespace nalar::tokenizer {
namespace {

constexpr size_t kLongest = 4096;

bool ends_in_word(std::string_view text) {
  if (text.empty()) return false;
  size_t at = text.size() - 1;
  while (at > 0 && (text[at] & 0xC0) == 0x80 && text.size() - at < 4) --at;
  return is_word(base::decode_utf8(text, at).code);
}

bool starts_with_word(std::string_view text) {
  return !text.empty() && is_word(base::decode_utf8(text, 0).code);
}

// Asks the ranges in ascending order of the places, so that each is looked at once.
class AllowedRanges {
 public:
  explicit AllowedRanges(const EncodeOptions& options) : options_(options) {}

  bool allows(size_t begin, size_t end) {
    if (!options_.parse_special) return false;
    if (!options_.special_ranges) return true;
    const auto& ranges = *options_.special_ranges;
    while (at_ < ranges.size() && ranges[at_].end <= begin) ++at_;
    return at_ < ranges.size() && ranges[at_].begin <= begin && end <= ranges[at_].end;
  }

 private:
  const EncodeOptions& options_;
  size_t at_ = 0;
};

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::vector<PrefixIndex::Entry> entries;
  entries.reserve(tokens_.size());
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].text.size() > kLongest) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("added token {} too long: got {} bytes, need at most {}",
                              tokens_[i].id, tokens_[i].text.size(), kLongest));
    }
    entries.push_back({tokens_[i].text, static_cast<int32_t>(i)});
  }
  index_ = PrefixIndex(std::move(entries));
}

std::vector<Part> AddedTokens::split(std::string_view text, const EncodeOptions& options) const {
  std::vector<Part> parts;
  AllowedRanges allowed(options);
  size_t done = 0;  // everything before it is in `parts`
  for (size_t at = 0; at < text.size();) {
    if (!index_.starts(text[at])) {
      ++at;
      continue;
    }
    const AddedToken* found = nullptr;
    index_.each_prefix(text.substr(at), [&](int32_t i, size_t length) {
      const AddedToken& token = tokens_[static_cast<size_t>(i)];
      if (!token.control || allowed.allows(at, at + length)) found = &token;
    });
    if (found == nullptr) {
      ++at;
      continue;
    }
    const size_t end = at + found->text.size();
    size_t begin = at, stop = end;
    at = end;
    if (found->single_word &&
        (ends_in_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) {
      continue;
    }
    if (found->strip_left) begin = std::max(done, begin - trailing_space(text.substr(0, begin)));
    if (found->strip_right) stop += leading_space(text.substr(stop));
    if (done < begin) parts.push_back({{done, begin}, kNoToken});
    parts.push_back({{begin, stop}, found->id});
    done = stop;
    at = std::max(at, stop);
  }
  if (done < text.size()) parts.push_back({{done, text.size()}, kNoToken});
  return parts;
}

}  // namespace nalar::tokenizer
