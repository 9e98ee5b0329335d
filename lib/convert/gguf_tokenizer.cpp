#include "convert/gguf_tokenizer.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/tokenizer.h>

#include <algorithm>
#include <iterator>

#include "base/utf8.h"
#include "convert/keys_in_memory.h"
#include "convert/tokenizer_json.h"
#include "convert/tokenizer_probe.h"
#include "io/folder_file.h"
#include "tokenizer/gguf_vocab.h"
#include "tokenizer/pipeline_tokenizer.h"
#include "tokenizer/spm_proto.h"

namespace nalar::convert {
namespace {

constexpr float kNoScore = -1000;  // of a piece that no merge makes

// The numbers of the format.
int32_t type_number(TokenKind kind) {
  switch (kind) {
    case TokenKind::normal:
      return 1;
    case TokenKind::unknown:
      return 2;
    case TokenKind::control:
      return 3;
    case TokenKind::user:
      return 4;
    case TokenKind::unused:
      return 5;
    case TokenKind::byte:
      return 6;
  }
  return 1;
}

// Readers of SentencePiece's vocabularies look for the user's tokens in the text as it came, and
// print them as they are: with spaces, not with the marks that stand for them.
std::string as_in_text(std::string_view piece) {
  constexpr std::string_view kSpaceMark = "\u2581";
  std::string text(piece);
  for (size_t at = 0; (at = text.find(kSpaceMark, at)) != text.npos; ++at) {
    text.replace(at, kSpaceMark.size(), " ");
  }
  return text;
}

// One token for each row of the embedding: rows beyond the vocabulary, and gaps in it, are unused.
void set_tokens(const Tokenizer& tokenizer, int rows, GgufForm& form) {
  std::vector<std::string> tokens;
  std::vector<int32_t> types;
  for (TokenId id = 0; id < rows; ++id) {
    const std::string_view piece =
        id < tokenizer.n_tokens() ? tokenizer.piece(id) : std::string_view();
    const bool gap = piece.empty();
    const TokenKind kind = gap ? TokenKind::unused : tokenizer.kind(id);
    const bool in_text = kind == TokenKind::user && tokenizer.type() != "byte-level BPE";
    tokens.push_back(gap       ? fmt::format("[PAD{}]", id)
                     : in_text ? as_in_text(piece)
                               : std::string(piece));
    types.push_back(type_number(kind));
  }
  for (TokenId id = rows; id < tokenizer.n_tokens(); ++id) {
    form.left_out.push_back(fmt::format("token {} \"{}\", which has no row in the embedding", id,
                                        base::escaped(tokenizer.piece(id), 60)));
  }
  form.keys.set("tokenizer.ggml.tokens", tokens);
  form.keys.set("tokenizer.ggml.token_type", types);
}

// What stands before and behind a text: a post-processor may put tokens there that no file calls
// BOS and EOS.
struct Frame {
  std::optional<TokenId> bos, eos;
};

Frame frame_of(const Tokenizer& tokenizer) {
  EncodeOptions options;
  const std::vector<TokenId> plain = tokenizer.encode("a", options);
  options.add_special = true;
  const std::vector<TokenId> framed = tokenizer.encode("a", options);
  const auto at = std::search(framed.begin(), framed.end(), plain.begin(), plain.end());
  Frame frame;
  if (at != framed.begin()) frame.bos = framed.front();
  if (framed.end() - at > static_cast<std::ptrdiff_t>(plain.size())) frame.eos = framed.back();
  return frame;
}

void set_special(const Tokenizer& tokenizer, const ModelConfig& config, GgufForm& form) {
  io::GgufKeys& keys = form.keys;
  const SpecialTokens& special = tokenizer.special();
  const auto set = [&](std::string_view name, std::optional<TokenId> id) {
    if (!id || *id >= config.vocab_size) return;
    keys.set_u32(fmt::format("tokenizer.ggml.{}_token_id", name), static_cast<uint32_t>(*id));
  };
  const Frame frame = frame_of(tokenizer);
  std::vector<TokenId> ends(config.generation.eos_ids.begin(), config.generation.eos_ids.end());
  std::optional<TokenId> eos = special.eos;
  if (!eos && !ends.empty()) eos = ends.front();
  if (frame.eos) eos = frame.eos;
  set("bos", frame.bos ? frame.bos : special.bos);
  set("eos", eos);
  set("unknown", special.unk);
  set("padding", special.pad);
  if (eos) std::erase(ends, *eos);
  const char* const kMore[] = {"eot", "eom"};
  for (size_t i = 0; i < ends.size(); ++i) {
    if (i < std::size(kMore)) {
      set(kMore[i], ends[i]);
    } else {
      form.left_out.push_back(fmt::format("end token {}", ends[i]));
    }
  }
  keys.set_bool("tokenizer.ggml.add_bos_token", frame.bos.has_value());
  keys.set_bool("tokenizer.ggml.add_eos_token", frame.eos.has_value());
}

void set_byte_level(const TokenizerJson& json, const Tokenizer& tokenizer, int rows,
                    io::GgufKeys& keys) {
  keys.set("tokenizer.ggml.model", "gpt2");
  keys.set("tokenizer.ggml.pre", json.gguf_pre());
  std::vector<std::string> merges;
  for (const Merge& merge : json.merges()) {
    const auto id = tokenizer.find(merge.left + merge.right);
    if (id && *id < rows) merges.push_back(merge.left + " " + merge.right);
  }
  keys.set("tokenizer.ggml.merges", merges);
}

// SentencePiece merges the neighbours whose whole has the highest score.
void set_sentencepiece(std::vector<float> scores, const Tokenizer& tokenizer, int rows,
                       io::GgufKeys& keys) {
  keys.set("tokenizer.ggml.model", "llama");
  keys.set("tokenizer.ggml.pre", "default");
  scores.resize(static_cast<size_t>(rows), kNoScore);
  keys.set("tokenizer.ggml.scores", scores);
  // A letter alone shows whether a space comes before a text.
  const std::vector<TokenId> ids = tokenizer.encode("a", {});
  const bool prefix = !ids.empty() && tokenizer.piece(ids.front()).starts_with("\u2581");
  keys.set_bool("tokenizer.ggml.add_space_prefix", prefix);
}

std::vector<float> scores_of_model(const tokenizer::SpmModel& model) {
  if (model.kind != tokenizer::SpmModel::bpe) {
    throw Error(ErrorKind::bad_data, "SentencePiece models other than BPE cannot be said in GGUF");
  }
  if (!model.normalizer.charsmap.empty()) {
    throw Error(ErrorKind::bad_data, "the normalizer's charsmap cannot be said in GGUF");
  }
  std::vector<float> scores;
  for (const tokenizer::SpmPiece& piece : model.pieces) scores.push_back(piece.score);
  return scores;
}

void check_tokenizer(const Tokenizer& tokenizer, const io::GgufKeys& keys) {
  const KeysInMemory memory(keys);
  const auto pipeline = [&] {
    try {
      return tokenizer::gguf_pipeline(memory.metadata());
    } catch (const Error& e) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("the tokenizer cannot be said in GGUF: {}", e.what()));
    }
  };
  need_same_ids(tokenizer, tokenizer::PipelineTokenizer(pipeline()), "GGUF");
}

void set_from_json(const ModelFiles& files, const Tokenizer& tokenizer, int rows, GgufForm& form) {
  const TokenizerJson json(*files.file("tokenizer.json"));
  for (const std::string& what : json.token_rules()) form.left_out.push_back(what);
  if (tokenizer.type() == "byte-level BPE") {
    return set_byte_level(json, tokenizer, rows, form.keys);
  }
  if (tokenizer.type() != "BPE") {
    throw Error(ErrorKind::bad_data,
                fmt::format("a tokenizer of the kind {} cannot be said in GGUF", tokenizer.type()));
  }
  set_sentencepiece(json.merge_scores(tokenizer), tokenizer, rows, form.keys);
}

}  // namespace

void set_tokenizer(const Model& model, GgufForm& form) {
  const ModelFiles& files = model.files();
  const int rows = model.config().vocab_size;
  const bool json = files.file("tokenizer.json").has_value();
  if (!json && !files.file("tokenizer.model")) {
    form.notices.push_back(
        "the folder has no tokenizer, so the file has none: llama.cpp opens it for no text");
    form.keys.set("tokenizer.ggml.model", "none");
    return;
  }
  const auto tokenizer = open_tokenizer(files);
  io::in_file(files.path_of(json ? "tokenizer.json" : "tokenizer.model"), [&] {
    if (json) {
      set_from_json(files, *tokenizer, rows, form);
    } else {
      set_sentencepiece(scores_of_model(tokenizer::parse_spm(*files.file("tokenizer.model"))),
                        *tokenizer, rows, form.keys);
    }
    set_tokens(*tokenizer, rows, form);
    set_special(*tokenizer, model.config(), form);
    check_tokenizer(*tokenizer, form.keys);
  });
}

}  // namespace nalar::convert
