#include "tokenizer/hf_tokenizer.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/log.h>

#include "base/utf8.h"
#include "tokenizer/hf_components.h"
#include "tokenizer/hf_model.h"
#include "tokenizer/json_at.h"
#include "tokenizer/word_boundary.h"

namespace nalar::tokenizer {
namespace {

constexpr JsonLimits kLimits{.max_bytes = size_t{256} << 20, .max_depth = 64};

std::vector<HfAddedToken> read_added(const JsonAt& root) {
  std::vector<HfAddedToken> tokens;
  const auto added = root.find("added_tokens");
  if (!added) return tokens;
  for (const JsonAt& entry : added->items()) {
    tokens.push_back(read_added_token(entry, entry.need("id").integer()));
  }
  return tokens;
}

// Added tokens have the id of the model's token of that spelling, or a new one.
void join_vocab(const std::vector<HfAddedToken>& tokens, const JsonAt& model, Pipeline& p) {
  VocabBuilder builder;
  add_hf_vocab(model, builder);
  for (const HfAddedToken& token : tokens) {
    const TokenKind kind = token.special ? TokenKind::control : TokenKind::user;
    if (builder.has(token.id) && builder.piece(token.id) == token.content) {
      builder.set_kind(static_cast<TokenId>(token.id), kind);
    } else {
      builder.add(token.id, token.content, kind);
    }
  }
  if (builder.gaps() > 0)
    notice(fmt::format("{} ids of the vocabulary have no token", builder.gaps()));
  p.vocab_text = std::move(builder.text());
  p.vocab = builder.build(p.vocab_text);
}

void add_matchers(const std::vector<HfAddedToken>& tokens, Pipeline& p) {
  std::vector<AddedToken> plain, normalized;
  for (const HfAddedToken& t : tokens) {
    const auto id = static_cast<TokenId>(t.id);
    const bool control = p.vocab.kind(id) == TokenKind::control;
    AddedToken token{id, p.vocab.piece(id), control, t.single_word, t.strip_left, t.strip_right};
    if (t.normalized) {
      std::string text = t.content;
      for (const NormalizeStep& step : p.normalizer) step(text);
      token.text = p.normalized_added[id] = std::move(text);
      normalized.push_back(token);
    } else {
      plain.push_back(token);
    }
  }
  p.added = AddedTokens(std::move(plain));
  p.added_normalized = AddedTokens(std::move(normalized));
}

void add_steps(const JsonAt& root, const JsonAt& model, Pipeline& p) {
  if (const auto json = root.find("normalizer")) add_hf_normalizer(*json, p.normalizer);
  HfPreTokenizer pre;
  if (const auto json = root.find("pre_tokenizer"))
    pre = hf_pre_tokenizer(*json, hf_model_takes_bytes(model));
  p.pre_tokenizer = std::move(pre.steps);
  HfModel built = hf_model(model, p.vocab, pre.raw_bytes);
  if (built.joins_neighbours && !pre.raw_bytes)
    p.pre_tokenizer.push_back(split_before_space_marks(p.vocab));
  p.model = std::move(built.model);
  p.type = std::move(built.type);
  if (const auto json = root.find("decoder")) {
    add_hf_decoder(*json, p.decoder);
  } else {
    p.decoder.push_back(decode_join_spaces());
  }
}

}  // namespace

std::unique_ptr<Pipeline> hf_pipeline(std::string_view tokenizer_json, const HfSideFiles& side) {
  const Json json = parse_json(tokenizer_json, kLimits);
  const JsonAt root(json, "");
  const JsonAt model = root.need("model");
  auto p = std::make_unique<Pipeline>();
  const std::vector<HfAddedToken> added = read_added(root);
  join_vocab(added, model, *p);
  p->special = resolve_special(side, p->vocab);
  add_steps(root, model, *p);
  add_matchers(added, *p);
  HfFrame frame;
  if (const auto post = root.find("post_processor")) add_hf_post_processor(*post, p->vocab, frame);
  apply_frame(side, p->special, frame.prefix, frame.suffix);
  p->prefix = std::move(frame.prefix);
  p->suffix = std::move(frame.suffix);
  p->source = "tokenizer.json";
  return p;
}

}  // namespace nalar::tokenizer
