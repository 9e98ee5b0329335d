#include <nalar/inspect.h>

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/material.h"

namespace nalar {
namespace {

Inspection inspected(const std::string& path, const InspectOptions& options = {}) {
  return inspect(ModelFiles::open(path), options);
}

const std::string& text(const Json& report, const char* key) {
  REQUIRE(report.find(key) != nullptr);
  return report.find(key)->as_string();
}

std::string written(const std::string& name, const std::string& content) {
  const std::string path = test::temporary_folder() + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

}  // namespace

TEST_CASE("a GGUF file: sizes, types, shape, tokenizer") {
  const auto [report, problem] = inspected(test::golden("stories260k/stories260K-f32.gguf"),
                                           {.tensors = true, .hashes = true});
  CHECK_FALSE(problem);
  CHECK(report.find("problems") == nullptr);
  CHECK(text(report, "format") == "GGUF");
  CHECK(text(report, "architecture") == "llama");
  const Json& config = *report.find("config");
  CHECK(config.find("n_layers")->as_int64() == 5);
  CHECK(config.find("n_heads")->as_int64() == 8);
  CHECK(config.find("n_kv_heads")->as_int64() == 4);
  CHECK(config.find("d_model")->as_int64() == 64);
  CHECK(config.find("tied_head")->as_bool());
  CHECK(report.find("tokenizer")->find("tokens")->as_int64() == 512);
  CHECK(report.find("chat_template") == nullptr);

  int64_t parameters = 0;
  for (const Json& t : report.find("tensors")->as_array()) {
    int64_t elements = 1;
    for (const Json& n : t.find("shape")->as_array()) elements *= n.as_int64();
    CHECK(t.find("bytes")->as_int64() == 4 * elements);
    parameters += elements;
  }
  CHECK(report.find("parameters")->as_int64() == parameters);
  CHECK(report.find("weight_bytes")->as_int64() == 4 * parameters);
  CHECK(report.find("bits_per_weight")->as_double() == 32);
  CHECK(report.find("files")->as_array().size() == 1);
  CHECK(text(report.find("files")->as_array()[0], "sha256").size() == 64);
}

TEST_CASE("hashes and tensors only when they are asked for") {
  const Json report = inspected(test::golden("stories260k/stories260K-f32.gguf")).report;
  CHECK(report.find("tensors") == nullptr);
  CHECK(report.find("files")->as_array()[0].find("sha256") == nullptr);
}

TEST_CASE("a Hugging Face folder without a tokenizer") {
  const auto [report, problem] = inspected(test::golden("models/llama-llama3"));
  CHECK_FALSE(problem);
  CHECK(text(report, "format") == "Hugging Face folder");
  CHECK(text(report, "architecture") == "LlamaForCausalLM");
  CHECK(report.find("tokenizer") == nullptr);
  CHECK(report.find("config") != nullptr);
}

TEST_CASE("layers that differ are listed one by one") {
  const Json report = inspected(test::golden("models/gemma3.gguf")).report;
  CHECK(report.find("config")->find("window")->is_array());
  CHECK(report.find("config")->find("rope_theta")->as_array().size() == 2);
}

TEST_CASE("a lone template") {
  const auto [report, problem] = inspected(written("x.jinja", "{{ messages[0].content }}"));
  CHECK_FALSE(problem);
  CHECK(text(*report.find("chat_template"), "source") == "{{ messages[0].content }}");
  CHECK(text(*report.find("chat_template"), "sha256").size() == 64);
  CHECK(report.find("parameters") == nullptr);
}

TEST_CASE("what cannot be read is a problem beside what can") {
  const auto [report, problem] = inspected(written("x.jinja", "{% if %}"));
  REQUIRE(problem);
  CHECK(problem->kind() == ErrorKind::bad_data);
  CHECK(report.find("problems")->as_array().size() == 1);
  CHECK(text(report, "format") == "tokenizer or template");
}

TEST_CASE("the report for people is printable and ends each line") {
  const Json report = Json::Object{{"path", "a\x1b[31m\nb"},
                                   {"name", "evil\x07"},
                                   {"provenance", Json::Object{{"k\x1b", "v\u202e"}}},
                                   {"problems", Json::Array{"p\x1b"}},
                                   {"adapter", Json::Object{{"base_fingerprint", "0a"}}}};
  const std::string shown = inspect_text(report);
  for (const char c : shown) CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
  CHECK(shown.find("\u202e") == std::string::npos);
  CHECK(shown.ends_with('\n'));
  CHECK(shown.find("base_fingerprint 0a\n") != std::string::npos);
  for (const char* name :
       {"stories260k/stories260K-f32.gguf", "models/gemma3.gguf", "models/llama-llama3"}) {
    CHECK(inspect_text(inspected(test::golden(name), {.tensors = true}).report).size() > 200);
  }
}

TEST_CASE("a data set: rows by format, fields, problems") {
  const std::string path = written("x.jsonl",
                                   "{\"text\": \"a\"}\n{\"prompt\": \"a\", \"completion\": \"b\"}\n"
                                   "{\"text\": 3}\n{\"text\": \"b\"}\n");
  REQUIRE(is_dataset(path));
  const auto [report, problem] = inspect_dataset(path, nullptr, nullptr);
  CHECK(report.find("rows")->as_int64() == 4);
  CHECK(report.find("row_formats")->find("text")->as_int64() == 2);
  CHECK(report.find("row_formats")->find("prompt/completion")->as_int64() == 1);
  CHECK(report.find("fields")->find("text")->as_int64() == 3);
  CHECK(report.find("tokens") == nullptr);
  REQUIRE(problem);
  CHECK(std::string(problem->what()) == path + ": line 3: field text: got integer, need a string");
  CHECK(inspect_text(report).find("prompt/completion") != std::string::npos);
}

TEST_CASE("a data set with a model: lengths and learned tokens") {
  const auto files = ModelFiles::open(test::golden("stories260k/stories260K-f32.gguf"));
  const auto tokenizer = open_tokenizer(*files);
  const std::string path =
      written("x.csv", "prompt,completion\nOnce upon, a time\nOnce upon, a time\n");
  const auto [report, problem] = inspect_dataset(path, tokenizer.get(), nullptr);
  CHECK_FALSE(problem);
  const Json& tokens = *report.find("tokens");
  CHECK(tokens.find("rows")->as_int64() == 2);
  CHECK(tokens.find("duplicates")->as_int64() == 1);
  CHECK(tokens.find("learned")->as_int64() < tokens.find("total")->as_int64());
}

TEST_CASE("what is a data set by its path and its first byte") {
  CHECK(is_dataset(written("x.json", " [{}]")));
  CHECK_FALSE(is_dataset(written("x.json", "{}")));
  CHECK_FALSE(is_dataset(written("x.gguf", "GGUF")));
  CHECK_FALSE(is_dataset("no such file.csv"));
}

}  // namespace nalar
