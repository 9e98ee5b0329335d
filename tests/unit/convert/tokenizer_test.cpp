#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "convert/gguf_tokenizer.h"
#include "convert/hf_tokenizer.h"
#include "convert/keys_in_memory.h"
#include "convert/tokenizer_probe.h"
#include "convert_support.h"
#include "io/file_system.h"
#include "io/gguf_writer.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/spm_builder.h"
#include "tokenizer/hf_tokenizer.h"
#include "tokenizer/pipeline_tokenizer.h"

namespace nalar::convert::test {
namespace {

namespace fs = std::filesystem;

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// A model without weights whose folder has this file of a tokenizer.
Model model_with(const std::string& name, const std::string& bytes, int rows) {
  const std::string folder = nalar::test::temporary_folder();
  write(folder + "/" + name, bytes);
  ModelConfig config;
  config.vocab_size = rows;
  return Model(ModelFiles::open(folder), std::move(config), {});
}

GgufForm keys_of(const Model& model) {
  GgufForm form;
  set_tokenizer(model, form);
  return form;
}

// The tokenizer that comes back as a tokenizer.json from a GGUF file with these keys.
std::shared_ptr<const Tokenizer> check_way_back(const Tokenizer& source, GgufForm form) {
  const std::string path = nalar::test::temporary_folder() + "/t.gguf";
  form.keys.set("general.architecture", "llama");
  const auto file = io::file_system().create(path, 0600);
  io::write_gguf(*file, form.keys, {});
  file->close();
  const auto files = ModelFiles::open(path);
  const auto tokenizer = open_tokenizer(*files);
  const HfTokenizer made = hf_tokenizer(*files, *tokenizer);
  const std::string folder = nalar::test::temporary_folder();
  write(folder + "/tokenizer.json", to_text(made.tokenizer));
  write(folder + "/tokenizer_config.json", to_text(made.config));
  auto back = open_tokenizer(*ModelFiles::open(folder));
  need_same_ids(source, *back, "a tokenizer.json");
  CHECK(back->special().eos == tokenizer->special().eos);
  CHECK(back->adds_bos() == tokenizer->adds_bos());
  return back;
}

constexpr int kLongestRun = 6;

std::string repeated(std::string_view text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

// Runs of spaces are the user's tokens in `source`, its file says so with marks; the GGUF file must
// have them as they are found in text, and the way back must find them.
void check_runs_of_spaces(const Model& model) {
  const auto source = open_tokenizer(model.files());
  const GgufForm form = keys_of(model);
  const KeysInMemory keys(form.keys);
  const auto tokens = *keys.metadata().find("tokenizer.ggml.tokens")->strings();
  const auto types = *keys.metadata().find("tokenizer.ggml.token_type")->integers();
  const auto back = check_way_back(*source, form);
  for (int n = 2; n <= kLongestRun; ++n) {
    const auto id = source->find(repeated("\u2581", n));
    REQUIRE(id);
    CHECK(tokens[static_cast<size_t>(*id)] == std::string(static_cast<size_t>(n), ' '));
    CHECK(types[static_cast<size_t>(*id)] == 4);
  }
  for (int n = 1; n <= kLongestRun; ++n) {
    const std::string run(static_cast<size_t>(n), ' ');
    for (const std::string& text : {run, run + "ab", "ab" + run, "a\n" + run + "b"}) {
      INFO("\"" << text << "\"");
      const auto ids = source->encode(text, {});
      CHECK(ids == back->encode(text, {}));
      CHECK(back->decode(ids) == source->decode(ids));
    }
    const std::vector<TokenId> want{*source->find("a"), *source->find(repeated("\u2581", n)),
                                    *source->find("b")};
    CHECK(source->encode("a" + run + "b", {}) == want);
    CHECK(back->encode("a" + run + "b", {}) == want);
  }
}

constexpr int kRows = 450;

}  // namespace

TEST_CASE("tokenizers that GGUF has words for go there and back with the same ids") {
  const std::map<std::string, std::string> sayable = {{"byte_level", "gpt-2"},
                                                      {"cl100k", "llama-bpe"},
                                                      {"o200k", "gpt-4o"},
                                                      {"qwen2", "qwen2"},
                                                      {"smollm", "smollm"}};
  for (const auto& entry : fs::directory_iterator(nalar::test::golden("tokenizers"))) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".json" || name.ends_with(".spm")) continue;
    INFO(name);
    const Json golden = parse_json(nalar::test::read_text(entry.path().string()));
    const Model model = model_with("tokenizer.json", to_text(*golden.find("tokenizer")), kRows);
    const std::string problem = nalar::test::error_of([&] {
      const GgufForm form = keys_of(model);
      const KeysInMemory keys(form.keys);
      const auto pre = sayable.find(name);
      REQUIRE(pre != sayable.end());
      CHECK(keys.metadata().string("tokenizer.ggml.pre") == pre->second);
      CHECK(keys.metadata().find("tokenizer.ggml.tokens")->count == kRows);
      check_way_back(*open_tokenizer(model.files()), form);
    });
    if (sayable.count(name)) {
      CHECK(problem == "no error");
    } else {
      INFO(problem);
      CHECK(problem.find("in GGUF") != problem.npos);
    }
  }
}

TEST_CASE("a tokenizer.json whose user's tokens are runs of spaces goes there and back") {
  Json::Object vocabulary;
  Json::Array added, merges{"a b"};
  const auto add = [&](const std::string& piece) {
    vocabulary.emplace_back(piece, static_cast<int64_t>(vocabulary.size()));
  };
  const auto add_token = [&](const std::string& piece, bool special) {
    added.push_back(Json::Object{{"id", static_cast<int64_t>(vocabulary.size())},
                                 {"content", piece},
                                 {"normalized", false},
                                 {"special", special}});
    add(piece);
  };
  for (const char* piece : {"<unk>", "<s>", "</s>"}) add_token(piece, true);
  for (int n = 2; n <= kLongestRun; ++n) {
    add_token(repeated("\u2581", n), false);
    for (int i = 1; i < n; ++i) {
      merges.push_back(Json::Array{repeated("\u2581", i), repeated("\u2581", n - i)});
    }
  }
  for (int byte = 0; byte < 256; ++byte) add(fmt::format("<0x{:02X}>", byte));
  for (const char* piece : {"\u2581", "a", "b", "ab"}) add(piece);
  const auto replace = [](const char* from, const char* to) {
    return Json::Object{
        {"type", "Replace"}, {"pattern", Json::Object{{"String", from}}}, {"content", to}};
  };
  const auto rows = static_cast<int>(vocabulary.size());
  Json json = Json::Object{{"added_tokens", std::move(added)}};
  json.set("normalizer", replace(" ", "\u2581"));
  json.set("decoder", Json::Object{{"type", "Sequence"},
                                   {"decoders", Json::Array{replace("\u2581", " "),
                                                            Json::Object{{"type", "ByteFallback"}},
                                                            Json::Object{{"type", "Fuse"}}}}});
  json.set("model", Json::Object{{"type", "BPE"},
                                 {"unk_token", "<unk>"},
                                 {"fuse_unk", true},
                                 {"byte_fallback", true},
                                 {"vocab", std::move(vocabulary)},
                                 {"merges", std::move(merges)}});
  check_runs_of_spaces(model_with("tokenizer.json", to_text(json), rows));
}

TEST_CASE("a tokenizer.model whose user's tokens are runs of spaces goes there and back") {
  constexpr int kUser = 4, kByte = 6;
  constexpr uint32_t kTrainer = 2, kByteFallback = 35, kDummyPrefix = 3, kExtraSpaces = 4;
  std::string pieces;
  int rows = 7;  // of spm_model
  for (int n = 2; n <= kLongestRun; ++n, ++rows) {
    pieces += nalar::test::spm_piece(repeated("\u2581", n), 0, kUser);
  }
  for (int byte = 0; byte < 256; ++byte, ++rows) {
    pieces += nalar::test::spm_piece(fmt::format("<0x{:02X}>", byte), 0, kByte);
  }
  pieces += nalar::test::bytes_field(kTrainer, nalar::test::number_field(kByteFallback, 1));
  const std::string normalizer =
      nalar::test::number_field(kDummyPrefix, 0) + nalar::test::number_field(kExtraSpaces, 0);
  check_runs_of_spaces(model_with(
      "tokenizer.model", nalar::test::spm_model(pieces, nalar::test::kBpe, normalizer), rows));
}

}  // namespace nalar::convert::test
