#include "convert/hf_tokenizer.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

#include "convert/tokenizer_probe.h"
#include "io/gguf_metadata.h"
#include "tokenizer/gguf_arrays.h"
#include "tokenizer/gguf_pre.h"
#include "tokenizer/hf_tokenizer.h"
#include "tokenizer/pipeline_tokenizer.h"

namespace nalar::convert {
namespace {

constexpr std::string_view kSpace = "\u2581";  // SentencePiece's

Json typed(std::string_view type, Json::Object more = {}) {
  Json::Object object{{"type", type}};
  for (Json::Member& member : more) object.push_back(std::move(member));
  return object;
}

Json regex_split(std::string_view pattern) {
  return typed(
      "Split",
      {{"pattern", Json::Object{{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}});
}

Json byte_level() {
  return typed("ByteLevel",
               {{"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}});
}

Json replace(std::string_view from, std::string_view to) {
  return typed("Replace", {{"pattern", Json::Object{{"String", from}}}, {"content", to}});
}

// Rows that fill the embedding up, behind all tokens.
TokenId end_of_vocabulary(const Tokenizer& tokenizer) {
  TokenId end = tokenizer.n_tokens();
  while (end > 0 && tokenizer.kind(end - 1) == TokenKind::unused &&
         tokenizer.piece(end - 1) == fmt::format("[PAD{}]", end - 1)) {
    --end;
  }
  return end;
}

// All of them, the added ones too: a loader gives a token that it does not find there a new id.
Json vocabulary(const Tokenizer& tokenizer) {
  Json::Object vocabulary;
  for (TokenId id = 0; id < end_of_vocabulary(tokenizer); ++id) {
    vocabulary.emplace_back(tokenizer.piece(id), int64_t{id});
  }
  return vocabulary;
}

Json added_tokens(const Tokenizer& tokenizer) {
  Json::Array added;
  for (TokenId id = 0; id < tokenizer.n_tokens(); ++id) {
    const TokenKind kind = tokenizer.kind(id);
    const bool special = kind == TokenKind::control || kind == TokenKind::unknown;
    if (!special && kind != TokenKind::user) continue;
    added.push_back(Json::Object{{"id", int64_t{id}},
                                 {"content", tokenizer.piece(id)},
                                 {"single_word", false},
                                 {"lstrip", false},
                                 {"rstrip", false},
                                 {"normalized", false},
                                 {"special", special}});
  }
  return added;
}

// What is put around one text, and around each of two.
Json template_processing(const Tokenizer& tokenizer) {
  Json::Object tokens;
  const auto token = [&](TokenId id, int type) {
    const std::string text(tokenizer.piece(id));
    if (Json known(tokens); !known.find(text)) {
      tokens.emplace_back(text, Json::Object{{"id", text},
                                             {"ids", Json::Array{int64_t{id}}},
                                             {"tokens", Json::Array{text}}});
    }
    return Json(Json::Object{{"SpecialToken", Json::Object{{"id", text}, {"type_id", type}}}});
  };
  const auto framed = [&](const char* name, int type, Json::Array& to) {
    if (tokenizer.adds_bos()) to.push_back(token(*tokenizer.special().bos, type));
    to.push_back(Json::Object{{"Sequence", Json::Object{{"id", name}, {"type_id", type}}}});
    if (tokenizer.adds_eos()) to.push_back(token(*tokenizer.special().eos, type));
  };
  Json::Array single, pair;
  framed("A", 0, single);
  framed("A", 0, pair);
  framed("B", 1, pair);
  return typed("TemplateProcessing", {{"single", std::move(single)},
                                      {"pair", std::move(pair)},
                                      {"special_tokens", std::move(tokens)}});
}

Json bpe_model(const Tokenizer& tokenizer, Json merges) {
  return typed("BPE", {{"dropout", Json()},
                       {"unk_token", Json()},
                       {"continuing_subword_prefix", Json()},
                       {"end_of_word_suffix", Json()},
                       {"fuse_unk", false},
                       {"byte_fallback", false},
                       {"ignore_merges", false},
                       {"vocab", vocabulary(tokenizer)},
                       {"merges", std::move(merges)}});
}

void set_byte_level(const io::GgufMetadata& keys, const Tokenizer& tokenizer, Json& json) {
  const tokenizer::GgufPre& pre =
      *tokenizer::find_gguf_pre(keys.string("tokenizer.ggml.pre").value_or("default"));
  Json::Array steps;
  for (const std::string_view pattern : pre.patterns) steps.push_back(regex_split(pattern));
  steps.push_back(byte_level());
  json.set("normalizer", pre.nfc ? typed("NFC") : Json());
  json.set("pre_tokenizer", typed("Sequence", {{"pretokenizers", std::move(steps)}}));
  json.set("decoder", byte_level());
  Json::Array merges;
  const auto texts = tokenizer::need_strings(keys, "tokenizer.ggml.merges");
  for (size_t i = 0; i < texts.spans.size(); ++i) {
    const std::string_view text = texts[i];
    const size_t space = text.find(' ', 1);
    merges.push_back(Json::Array{text.substr(0, space), text.substr(space + 1)});
  }
  Json model = bpe_model(tokenizer, std::move(merges));
  model.set("ignore_merges", pre.ignore_merges);
  json.set("model", std::move(model));
}

struct Pair {
  float score;
  TokenId left, right;
};

// Every pair that makes a piece, those of the highest score first: SentencePiece's rule as a list.
Json merges_of_scores(const std::vector<float>& scores, const Tokenizer& tokenizer) {
  std::vector<Pair> pairs;
  for (TokenId id = 0; id < tokenizer.n_tokens(); ++id) {
    const TokenKind kind = tokenizer.kind(id);
    if (kind != TokenKind::normal && kind != TokenKind::user && kind != TokenKind::unused) continue;
    const std::string_view piece = tokenizer.piece(id);
    for (size_t at = 1; at < piece.size(); ++at) {
      if ((static_cast<unsigned char>(piece[at]) & 0xC0) == 0x80) continue;
      const auto left = tokenizer.find(piece.substr(0, at));
      const auto right = tokenizer.find(piece.substr(at));
      if (left && right) pairs.push_back({scores[static_cast<size_t>(id)], *left, *right});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.score > b.score; });
  Json::Array merges;
  for (const Pair& pair : pairs) {
    merges.push_back(Json::Array{tokenizer.piece(pair.left), tokenizer.piece(pair.right)});
  }
  return merges;
}

void set_sentencepiece(const io::GgufMetadata& keys, const Tokenizer& tokenizer, Json& json) {
  const bool prefix = keys.boolean("tokenizer.ggml.add_space_prefix").value_or(true);
  Json::Array normalizers;
  if (prefix) normalizers.push_back(typed("Prepend", {{"prepend", kSpace}}));
  normalizers.push_back(replace(" ", kSpace));
  json.set("normalizer", typed("Sequence", {{"normalizers", std::move(normalizers)}}));
  json.set("pre_tokenizer", Json());
  Json::Array decoders{replace(kSpace, " "), typed("ByteFallback"), typed("Fuse")};
  if (prefix) decoders.push_back(typed("Strip", {{"content", " "}, {"start", 1}, {"stop", 0}}));
  json.set("decoder", typed("Sequence", {{"decoders", std::move(decoders)}}));
  const auto scores = keys.find("tokenizer.ggml.scores")->floats();
  Json model = bpe_model(tokenizer, merges_of_scores(scores.value(), tokenizer));
  if (const auto unk = tokenizer.special().unk) model.set("unk_token", tokenizer.piece(*unk));
  // Without tokens for bytes every unknown character is one of its own.
  const bool has_bytes = tokenizer.find("<0x00>").has_value();
  model.set("fuse_unk", has_bytes);
  model.set("byte_fallback", has_bytes);
  json.set("model", std::move(model));
}

Json config_of(const Tokenizer& tokenizer) {
  Json json = Json::Object{{"tokenizer_class", "PreTrainedTokenizerFast"},
                           {"clean_up_tokenization_spaces", false}};
  const auto name = [&](const char* key, const std::optional<TokenId>& id) {
    if (id) json.set(key, tokenizer.piece(*id));
  };
  name("bos_token", tokenizer.special().bos);
  name("eos_token", tokenizer.special().eos);
  name("unk_token", tokenizer.special().unk);
  name("pad_token", tokenizer.special().pad);
  json.set("add_bos_token", tokenizer.adds_bos());
  json.set("add_eos_token", tokenizer.adds_eos());
  return json;
}

}  // namespace

HfTokenizer hf_tokenizer(const ModelFiles& files, const Tokenizer& tokenizer) {
  const io::GgufMetadata& keys = *files.gguf();
  HfTokenizer result;
  Json& json = result.tokenizer;
  json = Json::Object{{"version", "1.0"}, {"truncation", Json()}, {"padding", Json()}};
  json.set("added_tokens", added_tokens(tokenizer));
  if (keys.string("tokenizer.ggml.model") == "gpt2") {
    set_byte_level(keys, tokenizer, json);
  } else {
    set_sentencepiece(keys, tokenizer, json);
  }
  const bool framed = tokenizer.adds_bos() || tokenizer.adds_eos();
  json.set("post_processor", framed ? template_processing(tokenizer) : Json());
  result.config = config_of(tokenizer);

  tokenizer::HfSideFiles side;
  const tokenizer::PipelineTokenizer read(tokenizer::hf_pipeline(to_text(json), side));
  need_same_ids(tokenizer, read, "a tokenizer.json");
  return result;
}

}  // namespace nalar::convert
