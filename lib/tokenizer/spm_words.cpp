#include "tokenizer/spm_words.h"

#include "base/utf8.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/word_boundary.h"

namespace nalar::tokenizer {
namespace {

constexpr char32_t kCodePoints = 0x110000;
constexpr size_t kLongRun = 4096;  // bytes

bool visible_ascii(char c) { return c > 0x20 && c < 0x7F; }

// No rule concerns a space, and none changes a visible ASCII character by itself.
bool leaves_spaces_alone(std::string_view charsmap) {
  const Charsmap map(charsmap);
  if (map.knows_byte(' ')) return false;
  for (char c = 0x21; c < 0x7F; ++c) {
    if (map.shortest({&c, 1})) return false;
  }
  return true;
}

}  // namespace

std::optional<PiecesStep> split_spm_words(const SpmModel& model, const Vocab& vocab) {
  const SpmNormalizer& n = model.normalizer;
  // Unigram models break ties by sums of floats over the whole text; and a space has to be known,
  // else it is one unknown token with its neighbours.
  if (model.kind != SpmModel::bpe || vocab.find(kSpaceMark) == kNoToken) return std::nullopt;
  if (!n.add_dummy_prefix || !n.escape_whitespaces || model.whitespace_as_suffix)
    return std::nullopt;
  if (!n.charsmap.empty() && !leaves_spaces_alone(n.charsmap)) return std::nullopt;
  for (const SpmPiece& piece : model.pieces) {
    if (piece.text.find(' ') != piece.text.npos) return std::nullopt;
  }
  const std::array<bool, 256> reached = bytes_before_space_mark(vocab);
  const bool ascii_only = !n.charsmap.empty();  // other characters may become spaces
  return [reached, ascii_only](Pieces& pieces) {
    std::vector<TextRange> result;
    for (const TextRange& range : pieces.ranges) {
      const std::string_view text = pieces.piece(range);
      size_t begin = 0;
      for (size_t at = 1; (at = text.find(' ', at)) != text.npos; ++at) {
        if (at + 1 == text.size()) break;  // alone it would be an empty text
        const char before = text[at - 1];
        const bool cuts = visible_ascii(before) || (!ascii_only && (before & 0x80) != 0);
        if (!cuts || reached[static_cast<unsigned char>(before)]) continue;
        result.push_back({range.begin + begin, range.begin + at});
        begin = at;
      }
      result.push_back({range.begin + begin, range.end});
    }
    pieces.ranges = std::move(result);
  };
}

UnknownRuns::UnknownRuns(const SpmModel& model) : known_(kCodePoints) {
  const auto learn = [&](std::string_view text) {
    for (size_t at = 0; at < text.size();) {
      const base::Utf8Char c = base::decode_utf8(text, at);
      known_[c.code] = true;
      at += static_cast<size_t>(c.length);
    }
  };
  for (const SpmPiece& piece : model.pieces) learn(piece.text);
  known_[' '] = known_[base::kReplacement] = true;  // the latter: bytes that are no UTF-8
  if (!model.normalizer.charsmap.empty()) rules_.emplace(model.normalizer.charsmap);
}

size_t UnknownRuns::end_of_run(std::string_view text, size_t at) const {
  while (at < text.size()) {
    const base::Utf8Char c = base::decode_utf8(text, at);
    const auto length = static_cast<size_t>(c.length);
    if (known_[c.code] || (rules_ && rules_->begins_rule(text.substr(at, length)))) break;
    at += length;
  }
  return at;
}

std::string UnknownRuns::shortened(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t end = end_of_run(text, at);
    if (end == at) {
      const auto length = static_cast<size_t>(base::decode_utf8(text, at).length);
      out.append(text, at, length);
      at += length;
      continue;
    }
    size_t head = end, tail = end;
    if (end - at > kLongRun) {
      // A rule that begins before the run may end in it: both ends of the run stay.
      constexpr size_t kKept = 64;
      head = at + kKept;
      tail = end - kKept;
      while ((text[head] & 0xC0) == 0x80) ++head;
      while ((text[tail] & 0xC0) == 0x80) --tail;
    }
    out.append(text, at, head - at).append(text, tail, end - tail);
    at = end;
  }
  return out;
}

}  // namespace nalar::tokenizer
