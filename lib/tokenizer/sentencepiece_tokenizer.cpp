#include "tokenizer/sentencepiece_tokenizer.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/log.h>
#include <sentencepiece_processor.h>

#include "base/utf8.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/spm_proto.h"
#include "tokenizer/spm_words.h"
#include "tokenizer/word_boundary.h"

namespace nalar::tokenizer {
namespace {

class LibraryModel : public SubwordModel {
 public:
  // by_words: every piece begins with a space that the library puts there by itself.
  LibraryModel(const SpmModel& model, bool by_words) : by_words_(by_words) {
    if (!model.byte_fallback) runs_.emplace(model);
    const auto status = processor_.LoadFromSerializedProto(serialize_spm(model));
    if (!status.ok())
      throw Error(ErrorKind::bad_data, fmt::format("bad vocabulary: {}", status.ToString()));
  }

  void encode(std::string_view piece, Scratch&, std::vector<TokenId>& out) const override {
    if (by_words_) piece.remove_prefix(1);
    constexpr size_t kLong = 4096;
    std::string shortened;
    if (runs_ && piece.size() > kLong) piece = shortened = runs_->shortened(piece);
    std::vector<int> ids;
    const auto status = processor_.Encode(piece, &ids);
    if (!status.ok())
      throw Error(ErrorKind::bad_data, fmt::format("sentencepiece: {}", status.ToString()));
    out.insert(out.end(), ids.begin(), ids.end());
  }

 private:
  bool by_words_;
  std::optional<UnknownRuns> runs_;
  sentencepiece::SentencePieceProcessor processor_;
};

TokenKind kind_of(SpmPiece::Type type) {
  switch (type) {
    case SpmPiece::unknown:
      return TokenKind::unknown;
    case SpmPiece::control:
      return TokenKind::control;
    case SpmPiece::user:
      return TokenKind::user;
    case SpmPiece::unused:
      return TokenKind::unused;
    case SpmPiece::byte:
      return TokenKind::byte;
    default:
      return TokenKind::normal;
  }
}

const char* type_of(SpmModel::Kind kind) {
  switch (kind) {
    case SpmModel::bpe:
      return "SentencePiece BPE";
    case SpmModel::word:
      return "SentencePiece word";
    case SpmModel::character:
      return "SentencePiece character";
    default:
      return "SentencePiece unigram";
  }
}

void add_pieces(const SpmModel& model, VocabBuilder& builder) {
  size_t n_zero = 0;
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    const SpmPiece& piece = model.pieces[id];
    builder.add(static_cast<int64_t>(id), piece.text, kind_of(piece.type));
    n_zero += piece.text.find('\0') != piece.text.npos ? 1 : 0;
  }
  if (n_zero > 0)
    notice(
        fmt::format("{} pieces of tokenizer.model hold a zero byte: no text becomes them", n_zero));
}

void join_vocab(const SpmModel& model, const HfSideFiles& side, Pipeline& p) {
  VocabBuilder builder;
  add_pieces(model, builder);
  for (const HfAddedToken& token : side.added) {
    const TokenKind kind = token.special ? TokenKind::control : TokenKind::user;
    if (!builder.has(token.id)) {
      builder.add(token.id, token.content, kind);
    } else if (builder.piece(token.id) != token.content) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("added token {} is \"{}\", tokenizer.model has \"{}\" there",
                              token.id, base::escaped(token.content, 60),
                              base::escaped(builder.piece(token.id), 60)));
    } else if (builder.kind(token.id) != TokenKind::unknown) {
      builder.set_kind(static_cast<TokenId>(token.id), kind);
    }
  }
  p.vocab_text = std::move(builder.text());
  p.vocab = builder.build(p.vocab_text);
}

// The model's own control pieces and the added tokens; user pieces are the library's business.
void add_matchers(const SpmModel& model, const HfSideFiles& side, Pipeline& p) {
  std::vector<AddedToken> tokens;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    if (p.vocab.kind(id) == TokenKind::control || p.vocab.kind(id) == TokenKind::unknown) {
      tokens.push_back({id, p.vocab.piece(id), true, false, false, false});
    }
  }
  for (const HfAddedToken& t : side.added) {
    const auto id = static_cast<TokenId>(t.id);
    if (static_cast<size_t>(t.id) < model.pieces.size()) continue;
    tokens.push_back({id, p.vocab.piece(id), p.vocab.kind(id) == TokenKind::control, t.single_word,
                      t.strip_left, t.strip_right});
  }
  p.added = AddedTokens(std::move(tokens));
}

// What the side files leave open, the model's own names decide.
HfSideFiles with_model_names(const SpmModel& model, HfSideFiles side) {
  const auto default_to = [&](std::optional<std::string>& name, std::string_view piece,
                              SpmPiece::Type type) {
    if (name) return;
    for (const SpmPiece& p : model.pieces) {
      if (p.text == piece && p.type == type) name = std::string(piece);
    }
  };
  default_to(side.bos, model.bos_piece, SpmPiece::control);
  default_to(side.eos, model.eos_piece, SpmPiece::control);
  default_to(side.pad, model.pad_piece, SpmPiece::control);
  default_to(side.unk, model.unk_piece, SpmPiece::unknown);
  if (!side.add_bos) side.add_bos = true;
  return side;
}

}  // namespace

std::unique_ptr<Pipeline> sentencepiece_pipeline(std::string_view model_bytes,
                                                 const HfSideFiles& side_files) {
  const SpmModel model = parse_spm(model_bytes);
  const HfSideFiles side = with_model_names(model, side_files);
  auto p = std::make_unique<Pipeline>();
  join_vocab(model, side, *p);
  p->special = resolve_special(side, p->vocab);
  add_matchers(model, side, *p);
  apply_frame(side, p->special, p->prefix, p->suffix);
  const std::optional<PiecesStep> words = split_spm_words(model, p->vocab);
  if (words) {
    p->normalizer.push_back(normalize_prepend(" "));
    p->pre_tokenizer.push_back(*words);
  }
  p->model = std::make_unique<LibraryModel>(model, words.has_value());
  const SpmNormalizer& n = model.normalizer;
  p->unknown_text = std::string(model.unk_surface);
  p->decoder = {
      decode_byte_fallback(),
      decode_first_mark(std::string(kSpaceMark), n.add_dummy_prefix || n.remove_extra_whitespaces,
                        n.remove_extra_whitespaces),
      decode_replace_literal(std::string(kSpaceMark), " ")};
  p->type = type_of(model.kind);
  p->source = "tokenizer.model";
  return p;
}

}  // namespace nalar::tokenizer
