#include <nalar/json.h>
#include <nalar/tokenizer.h>

#include <filesystem>

#include "base/utf8.h"
#include "support/catch.h"
#include "support/material.h"
#include "tokenizer/hf_tokenizer.h"
#include "tokenizer/sentencepiece_tokenizer.h"

namespace nalar {
namespace {

using tokenizer::HfSideFiles;
using tokenizer::PipelineTokenizer;

std::vector<TokenId> ids_of(const Json& array) {
  std::vector<TokenId> ids;
  for (const Json& id : array.as_array()) ids.push_back(static_cast<TokenId>(id.as_int64()));
  return ids;
}

// The files of the golden folder that end so.
std::vector<std::string> golden_files(const std::string& suffix) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(test::golden("tokenizers"))) {
    const std::string name = entry.path().string();
    if (name.ends_with(suffix)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void check_case(const Tokenizer& t, const Json& c) {
  const std::string& text = c.find("text")->as_string();
  CAPTURE(text);
  const auto encode = [&](bool add_special, bool parse_special) {
    return t.encode(
        text, {.add_special = add_special, .parse_special = parse_special, .special_ranges = {}});
  };
  const Json* plain = c.find("plain");
  CHECK(encode(false, true) == ids_of(*c.find("ids")));
  CHECK(encode(false, false) == ids_of(plain ? *plain : *c.find("ids")));
  const std::vector<TokenId> framed = encode(true, true);
  CHECK(framed == ids_of(*c.find("framed")));
  const Json* all = c.find("decoded_all");
  CHECK(base::to_valid_utf8(t.decode(framed)) == c.find("decoded")->as_string());
  CHECK(base::to_valid_utf8(t.decode(framed, true)) ==
        (all ? all : c.find("decoded"))->as_string());
}

}  // namespace

TEST_CASE("tokenizer.json files give the ids and texts of the tokenizers package") {
  int n = 0;
  for (const std::string& path : golden_files(".json")) {
    if (path.ends_with(".spm.json")) continue;
    CAPTURE(path);
    const Json golden = parse_json(test::read_text(path));
    const PipelineTokenizer pipeline(
        tokenizer::hf_pipeline(to_text(*golden.find("tokenizer")), HfSideFiles{}));
    const Tokenizer& t = pipeline;
    for (const Json& c : golden.find("cases")->as_array()) check_case(t, c);
    ++n;
  }
  CHECK(n >= 25);
}

TEST_CASE("SentencePiece models give the library's ids and texts") {
  HfSideFiles no_bos;
  no_bos.add_bos = false;
  int n = 0;
  for (const std::string& path : golden_files(".spm")) {
    CAPTURE(path);
    const std::string model = test::read_text(path);
    const PipelineTokenizer pipeline(tokenizer::sentencepiece_pipeline(model, no_bos));
    const Tokenizer& t = pipeline;
    const Json cases = parse_json(test::read_text(path + ".json"));
    for (const Json& c : cases.as_array()) {
      CAPTURE(c.find("text")->as_string());
      const std::vector<TokenId> ids = t.encode(c.find("text")->as_string(), {});
      CHECK(ids == ids_of(*c.find("ids")));
      CHECK(base::to_valid_utf8(t.decode(ids)) == c.find("decoded")->as_string());
    }
    ++n;
  }
  CHECK(n >= 5);
}

TEST_CASE("the tiny tokenizers of every kind of the test material") {
  const auto path = test::material("tokenizers/hf-tiny/hf_tokenizer_cases.json");
  if (!path) return;
  const std::string folder = std::filesystem::path(*path).parent_path().string();
  const Json all = parse_json(test::read_text(*path));
  int n = 0;
  for (const auto& [name, entry] : all.as_object()) {
    const std::string file = folder + "/" + entry.find("tokenizer")->as_string();
    if (!std::filesystem::exists(file)) continue;  // WordPiece
    CAPTURE(name);
    const auto t = open_tokenizer(*ModelFiles::open(file));
    for (const Json& c : entry.find("cases")->as_array()) {
      CAPTURE(c.find("text")->as_string());
      const auto ids =
          t->encode(c.find("text")->as_string(),
                    {.add_special = false, .parse_special = true, .special_ranges = {}});
      CHECK(ids == ids_of(*c.find("ids")));
      CHECK(base::to_valid_utf8(t->decode(ids)) == c.find("decoded")->as_string());
      ++n;
    }
  }
  CHECK(n >= 250);
}

TEST_CASE("one paragraph in GPT-2's and Llama 2's tokens") {
  struct Golden {
    std::string ids, tokenizer;
  };
  for (const Golden& g : {Golden{"gpt2_encoded_tokens.json", "gpt2/tokenizer.json"},
                          Golden{"llama_encoded.json", "llama2"}}) {
    const auto path = test::material("tokenizers/hf-goldens/swift/" + g.ids);
    const auto files = test::material("tokenizers/" + g.tokenizer);
    if (!path || !files) return;
    const Json golden = parse_json(test::read_text(*path));
    const auto t = open_tokenizer(*ModelFiles::open(*files));
    const auto ids = ids_of(*golden.find("token_ids"));
    const bool framed = !ids.empty() && t->special().bos == ids[0];
    CAPTURE(g.ids);
    CHECK(t->encode(golden.find("text")->as_string(),
                    {.add_special = framed, .parse_special = false, .special_ranges = {}}) == ids);
  }
}

TEST_CASE("texts in GPT-2's and Llama 2's tokens, as transformers has them") {
  const auto path = test::material("tokenizers/hf-goldens/swift/tokenizer_tests.json");
  if (!path) return;
  const Json all = parse_json(test::read_text(*path));
  for (const auto& [name, folder] :
       {std::pair("distilgpt2", "gpt2"),
        std::pair("coreml-projects/Llama-2-7b-chat-coreml", "llama2")}) {
    const auto files = test::material(std::string("tokenizers/") + folder);
    if (!files) continue;
    const auto t = open_tokenizer(*ModelFiles::open(*files));
    for (const Json& c : all.find(name)->as_array()) {
      const std::string& text = c.find("input")->as_string();
      CAPTURE(name, text);
      const auto ids =
          t->encode(text, {.add_special = true, .parse_special = true, .special_ranges = {}});
      CHECK(ids == ids_of(*c.find("encoded")->find("input_ids")));
    }
  }
}

}  // namespace nalar
