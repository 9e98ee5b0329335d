#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "convert_support.h"
#include "io/front_matter.h"
#include "io/gguf_metadata.h"
#include "io/tensor_file.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/safetensors_builder.h"
#include "support/tiny_llama.h"

namespace nalar::convert::test {
namespace {

namespace fs = std::filesystem;

const engine::test::Ids kIds{1, 5, 7, 11, 2, 40};

size_t entries(const std::string& folder) {
  size_t n = 0;
  for (const auto& entry : fs::directory_iterator(folder)) n += entry.exists() ? 1 : 0;
  return n;
}

}  // namespace

TEST_CASE("a split set and a sharded folder hold what one file holds") {
  const std::string folder = nalar::test::temporary_folder();
  const std::string whole = convert(golden_model("qwen3"), folder + "/whole.gguf");
  ConvertOptions options;
  options.split_bytes = 4000;
  const auto base = open_model(golden_model("qwen3"));
  const ConvertResult set = convert(base, folder + "/set.gguf", options);
  const ConvertResult shards = convert(base, folder + "/shards", options);
  REQUIRE(set.files.size() > 2);
  CHECK(set.files.front().find("/set-00001-of-0") != std::string::npos);
  CHECK(fs::exists(folder + "/shards/model.safetensors.index.json"));
  const auto a = ModelFiles::open(whole), b = ModelFiles::open(set.files.front());
  REQUIRE(a->tensors()->tensors().size() == b->tensors()->tensors().size());
  for (const TensorView& t : a->tensors()->tensors()) {
    const TensorView* u = b->tensors()->find(t.name);
    REQUIRE(u);
    CHECK(std::memcmp(t.bytes.data(), u->bytes.data(), t.bytes.size()) == 0);
  }
  const auto want = logits_of(base, kIds);
  CHECK(engine::test::same_bits(logits_of(open_model(folder + "/shards"), kIds), want));
  // And one file again.
  const std::string joined = convert(set.files.front(), folder + "/joined.gguf");
  CHECK(nalar::test::read_text(joined) == nalar::test::read_text(whole));
}

TEST_CASE("a conversion that is stopped, or has no place, leaves nothing") {
  const std::string folder = nalar::test::temporary_folder();
  const auto base = open_model(golden_model("gemma3"));
  for (const std::string out : {"/a.gguf", "/a", "/b.gguf"}) {
    ConvertOptions options;
    options.to = out.ends_with(".gguf") ? ConvertTarget::gguf : ConvertTarget::hf;
    if (out == "/b.gguf") options.split_bytes = 2000;
    ConvertControl control;
    control.on_event = [](const ConvertEvent& event) { return event.done < 40; };
    CHECK(nalar::test::error_of([&] {
            convert_model(base, folder + out, options, control);
          }).find("stopped") != std::string::npos);
    CHECK(entries(folder) == 0);
  }
  CHECK(nalar::test::error_of([&] { convert(base, folder + "/no/a.gguf"); }) != "no error");
  fs::create_directory(folder + "/there");
  CHECK(nalar::test::error_of([&] { convert(base, folder + "/there"); }) ==
        folder + "/there: exists already");
}

TEST_CASE("the input is not written over") {
  const std::string folder = nalar::test::temporary_folder();
  const std::string gguf = convert(golden_model("qwen3"), folder + "/m.gguf");
  const std::string before = nalar::test::read_text(gguf);
  CHECK(nalar::test::error_of([&] { convert(gguf, folder + "/./m.gguf"); }).find("is the input") !=
        std::string::npos);
  CHECK(nalar::test::read_text(gguf) == before);
}

TEST_CASE("nothing that is there is written over") {
  const std::string folder = nalar::test::temporary_folder();
  ConvertOptions options;
  options.split_bytes = 100000;
  const auto base = open_model(golden_model("qwen3"));
  const ConvertResult set = convert(base, folder + "/m.gguf", options);
  std::vector<std::string> before;
  for (const std::string& file : set.files) before.push_back(nalar::test::read_text(file));
  // The parts would have the names of the source's.
  const auto source = open_model(set.files.front());
  CHECK(nalar::test::error_of([&] { convert(source, folder + "/m.gguf", options); }) ==
        set.files.front() + ": exists already");
  for (size_t i = 0; i < before.size(); ++i) {
    CHECK(nalar::test::read_text(set.files[i]) == before[i]);
  }
  convert(base, folder + "/one.gguf");
  CHECK(nalar::test::error_of([&] { convert(source, folder + "/one.gguf"); }) ==
        folder + "/one.gguf: exists already");
}

TEST_CASE("tensors that no model has are carried along in any shape and type") {
  nalar::test::GgufBuilder builder = nalar::test::tiny_llama();
  constexpr uint32_t kF16 = 1, kQ8 = 8;
  builder.tensor("vision_tower.empty", {uint64_t{1} << 62, 0}, kF16, "");
  builder.tensor("vision_tower.rows", {0, uint64_t{1} << 62}, kF16, "");
  std::string block(34, '\1');
  block[0] = 0;
  block[1] = 0x3c;  // a scale of 1
  builder.tensor("vision_tower.vector", {32}, kQ8, block);
  const std::string folder = nalar::test::temporary_folder();
  nalar::test::write_text(folder + "/m.gguf", builder.bytes());
  ConvertOptions options;
  options.dtype = DType::f32;
  const auto files = ModelFiles::open(convert(folder + "/m.gguf", folder + "/f32.gguf", options));
  CHECK(files->tensors()->find("vision_tower.empty")->bytes.empty());
  const TensorView& vector = *files->tensors()->find("vision_tower.vector");
  REQUIRE(vector.bytes.size() == 32 * sizeof(float));
  float values[32];
  std::memcpy(values, vector.bytes.data(), sizeof values);
  CHECK(std::all_of(values, values + 32, [](float v) { return v == 1; }));
}

TEST_CASE("what a model computes and the format cannot say is refused by name") {
  const std::string folder = nalar::test::temporary_folder();
  fs::copy(golden_model("gemma3"), folder + "/gemma3");
  const std::string path = folder + "/gemma3/config.json";
  std::string config = nalar::test::read_text(path);
  const std::string key = R"("query_pre_attn_scalar": 8)";
  config.replace(config.find(key), key.size(), R"("query_pre_attn_scalar": 9)");
  std::ofstream(path, std::ios::binary) << config;
  CHECK(nalar::test::error_of([&] { convert(folder + "/gemma3", folder + "/g.gguf"); }) ==
        folder +
            "/gemma3: scale of the attention scores of layer 0: GGUF's \"gemma3\" cannot say "
            "it");
  CHECK(!fs::exists(folder + "/g.gguf"));
}

TEST_CASE("scaling by factors is refused where llama.cpp has no tensor for it") {
  const std::string folder = nalar::test::temporary_folder() + "/qwen3";
  fs::copy(golden_model("qwen3"), folder);
  Json config = parse_json(nalar::test::read_text(folder + "/config.json"));
  config.set("rope_parameters", Json::Object{{"rope_type", "llama3"},
                                             {"rope_theta", 10000.0},
                                             {"factor", 8.0},
                                             {"low_freq_factor", 1.0},
                                             {"high_freq_factor", 4.0},
                                             {"original_max_position_embeddings", 16}});
  nalar::test::write_text(folder + "/config.json", to_text(config));
  CHECK(nalar::test::error_of([&] { convert(folder, folder + ".gguf"); }) ==
        folder +
            ": rope scaling by factors (llama3's): GGUF's \"qwen3\" cannot say it; llama.cpp "
            "opens no such file with rope_freqs.weight");
  CHECK(nalar::test::error_of([&] { convert(folder, folder + "-copy"); }) == "no error");
}

TEST_CASE("config.json of a model that sees says type and tied head of its text part too") {
  const std::string folder = nalar::test::temporary_folder(), source = folder + "/sees";
  fs::copy(golden_model("gemma3"), source);
  const Json text = parse_json(nalar::test::read_text(source + "/config.json"));
  Json config = Json::Object{{"model_type", "gemma3"},
                             {"torch_dtype", "float32"},
                             {"text_config", text},
                             {"vision_config", Json::Object{{"torch_dtype", "float32"}}}};
  nalar::test::write_text(source + "/config.json", to_text(config));
  const auto base = open_model(source);
  REQUIRE(base->config().tied_head);
  ConvertOptions options;
  options.dtype = DType::bf16;
  options.adapters = {{engine::test::full_adapter(*base, 3), 1}};
  const std::string to = convert(source, folder + "/merged", options);
  const Json made = parse_json(nalar::test::read_text(to + "/config.json"));
  CHECK(made.find("torch_dtype")->as_string() == "bfloat16");
  CHECK(made.find("text_config")->find("dtype")->as_string() == "bfloat16");
  CHECK(made.find("vision_config")->find("torch_dtype")->as_string() == "bfloat16");
  CHECK_FALSE(made.find("tie_word_embeddings")->as_bool());
  CHECK_FALSE(made.find("text_config")->find("tie_word_embeddings")->as_bool());
  CHECK_FALSE(open_model(to)->config().tied_head);
}

TEST_CASE("the card says of licence and base what the keys say, whatever they hold") {
  const std::string folder = nalar::test::temporary_folder();
  const std::string licence = "other: \"mine\" # \\\n---\u00e9";
  const std::string base = "org/name: [a]";
  nalar::test::GgufBuilder builder = nalar::test::tiny_llama();
  builder.text("general.license", licence);
  builder.text("general.base_model.0.repo_url", "https://huggingface.co/" + base);
  nalar::test::write_text(folder + "/m.gguf", builder.bytes());
  const std::string hf = convert(folder + "/m.gguf", folder + "/hf");
  const std::string card = nalar::test::read_text(hf + "/README.md");
  CHECK(io::front_matter(card, "license") == licence);
  CHECK(io::front_matter(card, "base_model") == base);
  const auto back = ModelFiles::open(convert(hf, folder + "/back.gguf"));
  CHECK(back->gguf()->string("general.license") == licence);
  CHECK(back->gguf()->string("general.base_model.0.repo_url") == "https://huggingface.co/" + base);
}

TEST_CASE("a value beyond the range of a type names its tensor") {
  const std::string folder = nalar::test::temporary_folder();
  const std::string source = convert(golden_model("qwen3"), folder + "/big.gguf");
  std::string bytes = nalar::test::read_text(source);
  const auto model = open_model(source);
  const std::string first(reinterpret_cast<const char*>(model->weights().layers[0].up.bytes.data()),
                          16);
  const float large = 70000;
  std::memcpy(bytes.data() + bytes.find(first), &large, sizeof large);
  std::ofstream(source, std::ios::binary).write(bytes.data(), static_cast<long>(bytes.size()));
  ConvertOptions options;
  options.dtype = DType::f16;
  CHECK(nalar::test::error_of([&] {
          convert(source, folder + "/f16.gguf", options);
        }).find(": 70000 is beyond the range of F16") != std::string::npos);
  options.dtype = DType::bf16;
  CHECK(nalar::test::error_of([&] { convert(source, folder + "/bf16.gguf", options); }) ==
        "no error");
}

}  // namespace nalar::convert::test
