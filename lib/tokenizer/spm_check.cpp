#include "tokenizer/spm_check.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <bitset>
#include <cmath>

#include "base/utf8.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/prefix_index.h"
#include "tokenizer/vocab.h"

namespace nalar::tokenizer {
namespace {

// The library builds its tries by recursion over a piece's bytes.
constexpr size_t kLongestPiece = 4096;
// It keeps the user pieces that begin alike in an array of this size.
constexpr int kMostNested = 64;

[[noreturn]] void bad_piece(size_t id, const std::string& why) {
  throw Error(ErrorKind::bad_data, fmt::format("bad piece {}: {}", id, why));
}
[[noreturn]] void bad_vocabulary(const std::string& why) {
  throw Error(ErrorKind::bad_data, "bad vocabulary: " + why);
}

void check_piece(const SpmPiece& piece, size_t id) {
  if (piece.text.empty()) bad_piece(id, "empty (bad vocabulary)");
  if (piece.text.size() > kLongestPiece) {
    bad_piece(id, fmt::format("got {} bytes, need at most {}", piece.text.size(), kLongestPiece));
  }
  if (!base::is_valid_utf8(piece.text)) bad_piece(id, "is not UTF-8");
  if (piece.text.starts_with(kSpmPlaceholder)) bad_piece(id, "begins with U+FFFF");
  if (!std::isfinite(piece.score)) bad_piece(id, "score must be finite");
}

void check_types(const SpmModel& model) {
  std::bitset<256> bytes;
  size_t n_unknown = 0, n_text = 0;
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    const SpmPiece& piece = model.pieces[id];
    n_unknown += piece.type == SpmPiece::unknown ? 1 : 0;
    n_text += piece.type == SpmPiece::normal || piece.type == SpmPiece::user ? 1 : 0;
    if (piece.type != SpmPiece::byte) continue;
    const int byte = byte_of_piece(piece.text);
    if (byte < 0) {
      bad_piece(id, fmt::format("invalid byte piece \"{}\"", base::escaped(piece.text, 60)));
    }
    if (!model.byte_fallback) bad_piece(id, "a byte piece, but byte_fallback is off");
    bytes.set(static_cast<size_t>(byte));
  }
  if (n_unknown != 1) bad_vocabulary(fmt::format("{} unknown pieces, need 1", n_unknown));
  if (n_text == 0) bad_vocabulary("no piece of text");
  if (model.byte_fallback && !bytes.all()) {
    bad_vocabulary(
        fmt::format("byte_fallback is on, but there are {} of 256 byte pieces", bytes.count()));
  }
}

void check_duplicates(const SpmModel& model) {
  std::vector<std::string_view> texts;
  texts.reserve(model.pieces.size());
  for (const SpmPiece& piece : model.pieces) texts.push_back(piece.text);
  std::sort(texts.begin(), texts.end());
  const auto twice = std::adjacent_find(texts.begin(), texts.end());
  if (twice != texts.end())
    bad_vocabulary(fmt::format("duplicate piece \"{}\"", base::escaped(*twice, 60)));
}

void check_nesting(const SpmModel& model) {
  std::vector<PrefixIndex::Entry> user;
  for (const SpmPiece& piece : model.pieces) {
    if (piece.type == SpmPiece::user) user.push_back({piece.text, 0});
  }
  const PrefixIndex index(user);
  for (const PrefixIndex::Entry& entry : user) {
    int nested = 0;
    index.each_prefix(entry.text, [&](int32_t, size_t) { ++nested; });
    if (nested > kMostNested) {
      bad_vocabulary(fmt::format("more than {} user pieces begin like \"{}\"", kMostNested,
                                 base::escaped(entry.text, 60)));
    }
  }
}

}  // namespace

void check_spm(const SpmModel& model) {
  if (model.pieces.size() > kMaxTokens) {
    bad_vocabulary(fmt::format("{} pieces, need at most {}", model.pieces.size(), kMaxTokens));
  }
  for (size_t id = 0; id < model.pieces.size(); ++id) check_piece(model.pieces[id], id);
  check_types(model);
  check_duplicates(model);
  check_nesting(model);
  for (const SpmNormalizer* normalizer : {&model.normalizer, &model.denormalizer}) {
    if (!normalizer->charsmap.empty()) Charsmap{normalizer->charsmap};
  }
}

}  // namespace nalar::tokenizer
