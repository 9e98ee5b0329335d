#include "tokenizer/pipeline_tokenizer.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

#include "base/utf8.h"
#include "tokenizer/word_cache.h"

namespace nalar::tokenizer {
namespace {

constexpr size_t kMaxText = size_t{1} << 31;

}  // namespace

// One call of encode().
class PipelineTokenizer::Encoding {
 public:
  Encoding(const Pipeline& p, size_t bytes) : p_(p), cache_(bytes) { ids_.reserve(bytes / 4 + 16); }

  void append(const std::vector<TokenId>& ids) { ids_.insert(ids_.end(), ids.begin(), ids.end()); }

  void append_text(std::string_view text, const EncodeOptions& options) {
    for (const Part& part : p_.added.split(text, options)) {
      if (part.id != kNoToken) {
        ids_.push_back(part.id);
      } else {
        append_fragment(text, part.range, options);
      }
    }
  }

  std::vector<TokenId> take() { return std::move(ids_); }

 private:
  void append_fragment(std::string_view whole, TextRange range, const EncodeOptions& options) {
    std::string text(whole.substr(range.begin, range.end - range.begin));
    for (const NormalizeStep& step : p_.normalizer) step(text);
    if (p_.added_normalized.empty()) return append_normalized(std::move(text), range.begin == 0);
    const std::vector<TextRange> allowed = normalized_ranges(range, text.size(), options);
    EncodeOptions inner = options;
    if (options.special_ranges) inner.special_ranges = allowed;
    for (const Part& part : p_.added_normalized.split(text, inner)) {
      if (part.id != kNoToken) {
        ids_.push_back(part.id);
      } else {
        append_normalized(text.substr(part.range.begin, part.range.end - part.range.begin),
                          range.begin == 0 && part.range.begin == 0);
      }
    }
  }

  // Where control tokens may be made in a fragment after normalization: the caller's ranges as far
  // as places are still the same, else everywhere if the whole fragment was in one range.
  std::vector<TextRange> normalized_ranges(TextRange fragment, size_t size,
                                           const EncodeOptions& options) const {
    std::vector<TextRange> ranges;
    if (!options.special_ranges) return ranges;
    for (const TextRange& r : *options.special_ranges) {
      const size_t begin = std::max(r.begin, fragment.begin), end = std::min(r.end, fragment.end);
      if (begin >= end) continue;
      if (p_.normalizer.empty()) {
        ranges.push_back({begin - fragment.begin, end - fragment.begin});
      } else if (begin == fragment.begin && end == fragment.end) {
        ranges.push_back({0, size});
      }
    }
    return ranges;
  }

  void append_normalized(std::string text, bool at_start) {
    if (text.empty()) return;
    Pieces pieces;
    pieces.ranges.push_back({0, text.size()});
    pieces.text = std::move(text);
    pieces.at_start = at_start;
    for (const PiecesStep& step : p_.pre_tokenizer) step(pieces);
    if (pieces.text.size() >= kMaxText) throw Error(ErrorKind::usage, "text over 2 GiB");
    for (const TextRange& range : pieces.ranges) append_piece(pieces.piece(range));
  }

  void append_piece(std::string_view piece) {
    if (const auto known = cache_.find(piece)) {
      ids_.insert(ids_.end(), known->begin(), known->end());
      return;
    }
    const size_t before = ids_.size();
    p_.model->encode(piece, scratch_, ids_);
    cache_.add(piece, std::span(ids_).subspan(before));
  }

  const Pipeline& p_;
  WordCache cache_;
  Scratch scratch_;
  std::vector<TokenId> ids_;
};

PipelineTokenizer::PipelineTokenizer(std::unique_ptr<const Pipeline> pipeline)
    : p_(std::move(pipeline)) {}

std::vector<TokenId> PipelineTokenizer::encode(std::string_view text,
                                               const EncodeOptions& options) const {
  if (text.size() >= kMaxText) throw Error(ErrorKind::usage, "text over 2 GiB");
  Encoding encoding(*p_, text.size());
  if (options.add_special) encoding.append(p_->prefix);
  encoding.append_text(text, options);
  if (options.add_special) encoding.append(p_->suffix);
  std::vector<TokenId> ids = encoding.take();
  if (p_->n_embedded) {
    const auto beyond =
        std::find_if(ids.begin(), ids.end(), [&](TokenId id) { return id >= *p_->n_embedded; });
    if (beyond != ids.end()) {
      throw Error(
          ErrorKind::bad_data,
          fmt::format("token {} \"{}\" has no row in the embedding: need an id below {}", *beyond,
                      base::escaped(p_->vocab.piece(*beyond), 60), *p_->n_embedded));
    }
  }
  return ids;
}

void PipelineTokenizer::need(TokenId id) const {
  if (!p_->vocab.has(id)) {
    throw Error(ErrorKind::usage,
                fmt::format("token id out of range: got {}, need 0..{}", id, n_tokens() - 1));
  }
}

bool PipelineTokenizer::hidden(TokenId id) const {
  const TokenKind kind = p_->vocab.kind(id);
  return kind == TokenKind::control || (kind == TokenKind::unknown && !p_->unknown_text);
}

TokenText PipelineTokenizer::text_of(TokenId id) const {
  const TokenKind kind = p_->vocab.kind(id);
  if (kind == TokenKind::unknown && p_->unknown_text) return {*p_->unknown_text, true, false};
  const bool added =
      kind == TokenKind::control || kind == TokenKind::user || kind == TokenKind::unknown;
  // A token that is looked for in normalized text comes back through the decoder in that form.
  const auto normalized = added ? p_->normalized_added.find(id) : p_->normalized_added.end();
  const std::string_view piece =
      normalized == p_->normalized_added.end() ? p_->vocab.piece(id) : normalized->second;
  return {std::string(piece), added && p_->literal_added, false};
}

std::string PipelineTokenizer::decode(std::span<const TokenId> ids, bool with_special) const {
  std::vector<TokenText> tokens;
  tokens.reserve(ids.size());
  for (const TokenId id : ids) {
    need(id);
    if (with_special || !hidden(id)) tokens.push_back(text_of(id));
  }
  return run_decoder(p_->decoder, std::move(tokens), true);
}

std::string PipelineTokenizer::token_bytes(TokenId id) const {
  need(id);
  return hidden(id) ? std::string() : run_decoder(p_->decoder, {text_of(id)}, false);
}

std::string_view PipelineTokenizer::piece(TokenId id) const {
  need(id);
  return p_->vocab.piece(id);
}

TokenKind PipelineTokenizer::kind(TokenId id) const {
  need(id);
  return p_->vocab.kind(id);
}

std::optional<TokenId> PipelineTokenizer::find(std::string_view piece) const {
  const TokenId id = p_->vocab.find(piece);
  return id == kNoToken ? std::nullopt : std::optional(id);
}

bool PipelineTokenizer::adds_bos() const {
  return p_->special.bos && !p_->prefix.empty() && p_->prefix.front() == *p_->special.bos;
}

bool PipelineTokenizer::adds_eos() const {
  return p_->special.eos && !p_->suffix.empty() && p_->suffix.back() == *p_->special.eos;
}

}  // namespace nalar::tokenizer
