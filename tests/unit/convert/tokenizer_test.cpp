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
#include "tokenizer/hf_tokenizer.h"
#include "tokenizer/pipeline_tokenizer.h"

namespace nalar::convert::test {
namespace {

namespace fs = std::filesystem;

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// A model without weights whose folder has this tokenizer.json.
Model model_with(const std::string& tokenizer_json, int rows) {
  const std::string folder = nalar::test::temporary_folder();
  write(folder + "/tokenizer.json", tokenizer_json);
  ModelConfig config;
  config.vocab_size = rows;
  return Model(ModelFiles::open(folder), std::move(config), {});
}

GgufForm keys_of(const Model& model) {
  GgufForm form;
  set_tokenizer(model, form);
  return form;
}

// The tokenizer.json that comes back from a GGUF file with these keys.
void check_way_back(const Tokenizer& source, GgufForm form) {
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
  const auto back = open_tokenizer(*ModelFiles::open(folder));
  need_same_ids(source, *back, "a tokenizer.json");
  CHECK(back->special().eos == tokenizer->special().eos);
  CHECK(back->adds_bos() == tokenizer->adds_bos());
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
    const Model model = model_with(to_text(*golden.find("tokenizer")), kRows);
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

}  // namespace nalar::convert::test
