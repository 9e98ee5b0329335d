#include "tokenizer/gguf_vocab.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/log.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/utf8.h"
#include "tokenizer/bpe.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/end_tokens.h"
#include "tokenizer/gguf_arrays.h"
#include "tokenizer/gguf_merges.h"
#include "tokenizer/gguf_pre.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/replace.h"
#include "tokenizer/spm_bpe.h"
#include "tokenizer/word_boundary.h"

namespace nalar::tokenizer {
namespace {

constexpr std::string_view kTokens = "tokenizer.ggml.tokens";

[[noreturn]] void bad(const std::string& message) { throw Error(ErrorKind::bad_data, message); }

TokenKind kind_of(int32_t type, TokenId id) {
  switch (type) {
    case 0:
    case 1:
      return TokenKind::normal;
    case 2:
      return TokenKind::unknown;
    case 3:
      return TokenKind::control;
    case 4:
      return TokenKind::user;
    case 5:
      return TokenKind::unused;
    case 6:
      return TokenKind::byte;
    default:
      bad(fmt::format("unknown token type {} of token {}", type, id));
  }
}

Vocab read_vocab(const io::GgufMetadata& metadata) {
  GgufStrings tokens = need_strings(metadata, kTokens);
  const size_t n = tokens.spans.size();
  if (n == 0) bad(fmt::format("key {} is empty", kTokens));
  const std::vector<int32_t> types = optional_integers(metadata, "tokenizer.ggml.token_type", n);
  std::vector<TokenKind> kinds(n, TokenKind::normal);
  for (size_t i = 0; i < n; ++i) {
    const bool looks_like_byte = byte_of_piece(tokens[i]) >= 0;
    if (types.empty()) {
      if (looks_like_byte) kinds[i] = TokenKind::byte;
      continue;
    }
    kinds[i] = kind_of(types[i], static_cast<TokenId>(i));
    if (kinds[i] == TokenKind::byte && !looks_like_byte) {
      bad(fmt::format("invalid byte token at id {}: got \"{}\", need \"<0x00>\" to \"<0xFF>\"", i,
                      base::escaped(tokens[i], 60)));
    }
  }
  return {tokens.text, std::move(tokens.spans), std::move(kinds)};
}

std::optional<TokenId> special_id(const io::GgufMetadata& metadata, std::string_view key,
                                  const Vocab& vocab) {
  const std::optional<int64_t> id = metadata.integer(key);
  if (!id) return std::nullopt;
  if (*id < 0 || *id >= vocab.size()) {
    bad(fmt::format("special id out of range: key {} is {}, need 0..{}", key, *id,
                    vocab.size() - 1));
  }
  return static_cast<TokenId>(*id);
}

void read_special(const io::GgufMetadata& metadata, Pipeline& p) {
  const auto id = [&](std::string_view name) {
    return special_id(metadata, fmt::format("tokenizer.ggml.{}_token_id", name), p.vocab);
  };
  p.special.bos = id("bos");
  p.special.eos = id("eos");
  p.special.unk = id("unknown");
  p.special.pad = id("padding");
  for (const auto& end : {p.special.eos, id("eot"), id("eom")}) {
    if (end) p.special.end.push_back(*end);
  }
  for (const TokenId end : end_tokens_by_spelling(p.vocab)) p.special.end.push_back(end);
  std::sort(p.special.end.begin(), p.special.end.end());
  p.special.end.erase(std::unique(p.special.end.begin(), p.special.end.end()), p.special.end.end());
  for (const TokenId end : p.special.end) p.vocab.set_kind(end, TokenKind::control);
  if (p.special.bos) p.vocab.set_kind(*p.special.bos, TokenKind::control);
}

void read_added(Pipeline& p) {
  std::vector<AddedToken> added;
  for (TokenId id = 0; id < p.vocab.size(); ++id) {
    const TokenKind kind = p.vocab.kind(id);
    if (kind != TokenKind::control && kind != TokenKind::user && kind != TokenKind::unknown)
      continue;
    added.push_back({id, p.vocab.piece(id), kind != TokenKind::user, false, false, false});
  }
  p.added = AddedTokens(std::move(added));
}

void read_frame(const io::GgufMetadata& metadata, bool adds_bos, Pipeline& p) {
  const auto add = [&](std::string_view what, bool wanted, std::optional<TokenId> id,
                       std::vector<TokenId>& to) {
    const std::string key = fmt::format("tokenizer.ggml.add_{}_token", what);
    const std::optional<bool> told = metadata.boolean(key);
    if (!told.value_or(wanted)) return;
    if (id) {
      to.push_back(*id);
    } else if (told) {
      bad(fmt::format("key {} is true, but there is no tokenizer.ggml.{}_token_id", key, what));
    }
  };
  add("bos", adds_bos, p.special.bos, p.prefix);
  add("eos", false, p.special.eos, p.suffix);
}

const char* read_scores(const io::GgufMetadata& metadata, size_t n) {
  constexpr std::string_view kScores = "tokenizer.ggml.scores";
  const std::string_view scores = optional_floats(metadata, kScores, n);
  if (scores.empty()) bad(fmt::format("missing key {}", kScores));
  for (size_t i = 0; i < n; ++i) {
    float score;
    std::memcpy(&score, scores.data() + i * sizeof score, sizeof score);
    if (!std::isfinite(score))
      bad(fmt::format("score of token {} must be finite (key {})", i, kScores));
  }
  return scores.data();
}

void read_sentencepiece(const io::GgufMetadata& metadata, Pipeline& p) {
  p.type = "SentencePiece BPE";
  const auto n = static_cast<size_t>(p.vocab.size());
  std::optional<TokenId> unk = p.special.unk;
  for (TokenId id = 0; !unk && id < p.vocab.size(); ++id) {
    if (p.vocab.kind(id) == TokenKind::unknown) unk = id;
  }
  p.special.unk = unk;
  p.model = std::make_unique<SpmBpeModel>(p.vocab, read_scores(metadata, n), unk);
  const bool prefix = metadata.boolean("tokenizer.ggml.add_space_prefix").value_or(true);
  if (metadata.boolean("tokenizer.ggml.remove_extra_whitespaces").value_or(false)) {
    p.normalizer.push_back(normalize_extra_spaces());
  }
  if (prefix) p.normalizer.push_back(normalize_prepend(" "));
  p.normalizer.push_back(normalize_replace(" ", std::string(kSpaceMark)));
  p.pre_tokenizer.push_back(split_before_space_marks(p.vocab));
  p.decoder = {decode_byte_fallback(), decode_replace_literal(std::string(kSpaceMark), " "),
               decode_fuse(), decode_strip(" ", prefix ? 1 : 0, 0)};
}

void read_byte_level(const io::GgufMetadata& metadata, const GgufPre& pre, Pipeline& p) {
  p.type = "byte-level BPE";
  if (pre.nfc) p.normalizer.push_back(normalize_unicode(UnicodeForm::nfc));
  for (const std::string_view pattern : pre.patterns) {
    p.pre_tokenizer.push_back(split_by_regex(pattern, SplitBehavior::isolated));
  }
  BpeOptions options;
  options.raw_bytes = true;
  options.ignore_merges = pre.ignore_merges;
  p.model = std::make_unique<BpeModel>(p.vocab, read_gguf_merges(metadata, p.vocab), options);
  p.literal_added = true;
  p.decoder = {decode_byte_level()};
}

const GgufPre& read_pre(const io::GgufMetadata& metadata) {
  constexpr std::string_view kPre = "tokenizer.ggml.pre";
  const std::string_view name = metadata.string(kPre).value_or("default");
  if (name == "default") {
    notice(
        fmt::format("key {} names no pre-tokenizer: \"default\" is used, ids may differ from the "
                    "model's own",
                    kPre));
  }
  const GgufPre* pre = find_gguf_pre(name);
  if (pre == nullptr)
    bad(fmt::format("unknown pre-tokenizer (key {}): got \"{}\"", kPre, base::escaped(name, 60)));
  return *pre;
}

// Vocabularies of this kind come without one; what is there is checked before it is refused.
void refuse_charsmap(const io::GgufMetadata& metadata) {
  constexpr std::string_view kKey = "tokenizer.ggml.precompiled_charsmap";
  const io::GgufValue* value = metadata.find(kKey);
  if (value == nullptr) return;
  Charsmap{{reinterpret_cast<const char*>(value->bytes.data()), value->bytes.size()}};
  bad(fmt::format("unsupported key {}", kKey));
}

}  // namespace

std::unique_ptr<Pipeline> gguf_pipeline(const io::GgufMetadata& metadata) {
  constexpr std::string_view kModel = "tokenizer.ggml.model";
  const std::string_view model = metadata.need_string(kModel);
  const bool byte_level = model == "gpt2";
  if (model != "llama" && !byte_level) {
    bad(fmt::format("unknown tokenizer (key {}): got \"{}\", need \"llama\" or \"gpt2\"", kModel,
                    base::escaped(model, 60)));
  }
  refuse_charsmap(metadata);
  const GgufPre* pre = byte_level ? &read_pre(metadata) : nullptr;
  auto p = std::make_unique<Pipeline>();
  p->vocab = read_vocab(metadata);
  read_special(metadata, *p);
  read_added(*p);
  read_frame(metadata, byte_level ? pre->adds_bos : true, *p);
  if (byte_level) {
    read_byte_level(metadata, *pre, *p);
  } else {
    read_sentencepiece(metadata, *p);
  }
  p->source = "GGUF keys";
  return p;
}

}  // namespace nalar::tokenizer
