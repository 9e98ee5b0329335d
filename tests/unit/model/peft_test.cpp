#include <nalar/adapter.h>
#include <nalar/error.h>
#include <nalar/json.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/rng.h"
#include "model/fingerprint.h"
#include "model/lora_peft.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"
#include "support/safetensors_builder.h"

using namespace nalar;
using namespace nalar::model;
using test::error_of;
using test::write_text;

namespace {

constexpr const char* kPlainConfig =
    R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"]})";

std::shared_ptr<const Model> open_golden(const std::string& name) {
  return open_model(test::golden("models/" + name));
}

// [rows, columns] floats 0, 0.5, 1, …
std::string floats(size_t n) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = 0.5f * static_cast<float>(i);
  return {reinterpret_cast<const char*>(values.data()), 4 * n};
}

const std::string kQ = "base_model.model.model.layers.0.self_attn.q_proj";

// q_proj [16, 16] of layer 0 of qwen2-bias.
test::SafetensorsBuilder plain_weights() {
  test::SafetensorsBuilder file;
  file.tensor(kQ + ".lora_A.weight", {2, 16}, floats(32));
  file.tensor(kQ + ".lora_B.weight", {16, 2}, floats(32));
  return file;
}

std::string folder_of(const std::string& config, const std::string& weights,
                      const std::string& run = "") {
  const std::string folder = test::temporary_folder();
  write_text(folder + "/adapter_config.json", config);
  write_text(folder + "/adapter_model.safetensors", weights);
  if (!run.empty()) write_text(folder + "/run.json", run);
  return folder;
}

std::shared_ptr<const Adapter> opened(const std::string& config,
                                      const test::SafetensorsBuilder& weights,
                                      const std::string& run = "") {
  return open_adapter(folder_of(config, weights.bytes(), run), *open_golden("qwen2-bias"));
}

// The error, without the folder's name.
std::string error_with(const std::string& config, const test::SafetensorsBuilder& weights,
                       const std::string& run = "") {
  const std::string folder = folder_of(config, weights.bytes(), run);
  const auto base = open_golden("qwen2-bias");
  std::string error = error_of([&] { open_adapter(folder, *base); });
  if (error.starts_with(folder + "/")) error.erase(0, folder.size() + 1);
  return error;
}

std::string config_with(const std::string& members) {
  std::string config = kPlainConfig;
  config.insert(config.size() - 1, ", " + members);
  return config;
}

std::string config_error(const std::string& json) {
  return error_of([&] { model::parse_peft_config(json); });
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

// Everything that can be written, of ranks and scales that differ.
LoraAdapter rich_adapter(const Model& base) {
  model::LoraConfig config;
  config.rank = 3;
  config.alpha = 7;
  config.rslora = true;
  config.targets = {"q_proj", "k_proj", "layers.1.mlp.up_proj", "embed_tokens", "lm_head"};
  LoraAdapter adapter = make_adapter(config, base, 1);
  for (LoraModule& module : adapter.modules) {
    if (module.target == model::TensorName{TensorRole::k, 1}) {
      module.rank = 2;
      module.scale = static_cast<float>(5 / std::sqrt(2));
      module.a.resize(module.a.size() / 3 * 2);
      module.b.resize(module.b.size() / 3 * 2);
    }
    for (auto* values : {&module.a, &module.b}) {
      for (size_t i = 0; i < values->size(); ++i) {
        (*values)[i] = static_cast<float>(
            base::uniform(static_cast<uint64_t>(module.target.role), values == &module.b, i));
      }
    }
  }
  for (const model::LoraTarget& target : adaptable(base.config())) {
    if (target.name.role != TensorRole::o && target.name.role != TensorRole::v) continue;
    std::vector<float> values(static_cast<size_t>(target.in * target.out));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 8;
    adapter.saved.push_back({target.name, {target.out, target.in}, std::move(values)});
  }
  return adapter;
}

void check_equal(const LoraAdapter& a, const LoraAdapter& b) {
  CHECK(a.config.rank == b.config.rank);
  CHECK(a.config.alpha == b.config.alpha);
  CHECK(a.config.rslora == b.config.rslora);
  REQUIRE(a.modules.size() == b.modules.size());
  for (size_t i = 0; i < a.modules.size(); ++i) {
    CHECK(a.modules[i].target == b.modules[i].target);
    CHECK(a.modules[i].rank == b.modules[i].rank);
    CHECK(a.modules[i].scale == b.modules[i].scale);
    CHECK(a.modules[i].a == b.modules[i].a);
    CHECK(a.modules[i].b == b.modules[i].b);
  }
  REQUIRE(a.saved.size() == b.saved.size());
  for (const model::SavedTensor& saved : a.saved) {
    const model::SavedTensor* other = b.find_saved(saved.target);
    REQUIRE(other != nullptr);
    CHECK(saved.shape == other->shape);
    CHECK(saved.values == other->values);
  }
}

}  // namespace

TEST_CASE("an adapter that is written reads back equal, for bases of both orders of rows") {
  for (const char* name : {"llama-llama3", "llama-llama3.gguf", "gemma3", "qwen3.gguf"}) {
    INFO(name);
    const auto base = open_golden(name);
    const LoraAdapter adapter = rich_adapter(*base);
    const std::string folder = test::temporary_folder();
    write_peft(io::file_system(), folder, adapter, *base);
    const auto read = open_adapter(folder, *base);
    check_equal(adapter, read->lora());
    CHECK(read->lora().config.targets ==
          std::vector<std::string>{"embed_tokens", "q_proj", "k_proj", "model.layers.1.mlp.up_proj",
                                   "lm_head"});
    CHECK(read->n_parameters() > 0);
  }
}

TEST_CASE("an adapter of a GGUF base is written in Hugging Face's order") {
  const auto hf = open_golden("llama-llama3");
  const auto gguf = open_golden("llama-llama3.gguf");
  const std::string folder = test::golden("adapters/llama-llama3/plain");
  const auto of_hf = open_adapter(folder, *hf);
  const auto of_gguf = open_adapter(folder, *gguf);
  const model::TensorName q{TensorRole::q, 1};
  CHECK(of_hf->lora().find(q)->b != of_gguf->lora().find(q)->b);
  const std::string written = test::temporary_folder();
  write_peft(io::file_system(), written, of_gguf->lora(), *gguf);
  check_equal(of_hf->lora(), open_adapter(written, *hf)->lora());
}

TEST_CASE("what PEFT reads of a config that is written") {
  const auto base = open_golden("llama-llama3.gguf");
  const std::string folder = test::temporary_folder();
  write_peft(io::file_system(), folder, rich_adapter(*base), *base);
  const Json json = parse_json(test::read_text(folder + "/adapter_config.json"));
  CHECK(json.find("peft_type")->as_string() == "LORA");
  CHECK(json.find("task_type")->as_string() == "CAUSAL_LM");
  CHECK(json.find("base_model_name_or_path")->as_string() == "llama-llama3");
  CHECK(json.find("r")->as_int64() == 3);
  CHECK(json.find("lora_alpha")->as_int64() == 7);
  CHECK(json.find("use_rslora")->as_bool());
  CHECK(to_text(*json.find("rank_pattern")) == R"({"model.layers.1.self_attn.k_proj":2})");
  CHECK(to_text(*json.find("alpha_pattern")) == R"({"model.layers.1.self_attn.k_proj":5})");
  CHECK(json.find("modules_to_save")->as_array().size() == 4);
  CHECK(json.find("bias")->as_string() == "none");
}

TEST_CASE("spellings of old and new versions, and what may be left alone") {
  const auto want = opened(kPlainConfig, plain_weights());
  REQUIRE(want->lora().modules.size() == 1);
  CHECK(want->lora().modules[0].scale == 2);
  for (const auto& [a, b] : {std::pair{".lora_A.default.weight", ".lora_B.default.weight"},
                             std::pair{".lora_A.weight", ".lora_B.weight"}}) {
    for (const char* root : {"base_model.model.model.", "model.", "base_model.model.",
                             "base_model.model.language_model.model."}) {
      test::SafetensorsBuilder file;
      const std::string module = std::string(root) + "layers.0.self_attn.q_proj";
      file.tensor(module + a, {2, 16}, floats(32)).tensor(module + b, {16, 2}, floats(32));
      check_equal(opened(kPlainConfig, file)->lora(), want->lora());
    }
  }
  // The base's own embedding, which PEFT saves beside an adapted one.
  auto more = plain_weights();
  more.tensor("base_model.model.model.embed_tokens.base_layer.weight", {48, 16}, floats(768));
  check_equal(opened(kPlainConfig, more)->lora(), want->lora());
  // Outside code and places; what was of training; what is off.
  check_equal(opened(config_with(R"("auto_mapping": {"base_model_class": "X"},
      "megatron_core": "os", "tokenizer_kwargs": {"trust_remote_code": true}, "revision": "main",
      "base_model_name_or_path": "https://example.org/x", "lora_dropout": 0.1, "bias": "all",
      "init_lora_weights": "gaussian", "use_dora": false, "layer_replication": null,
      "loftq_config": {"a": 1}, "fan_in_fan_out": true, "some_new_option": false)"),
                     plain_weights())
                  ->lora(),
              want->lora());
  CHECK(model::parse_peft_config(config_with(R"("base_model_name_or_path": "/etc/passwd")"))
            .base_name == "/etc/passwd");
}

TEST_CASE("a B of zeros is accepted") {
  test::SafetensorsBuilder file;
  file.tensor(kQ + ".lora_A.weight", {2, 16}, floats(32));
  file.tensor(kQ + ".lora_B.weight", {16, 2}, std::string(128, '\0'));
  CHECK(opened(kPlainConfig, file)->lora().modules[0].b == std::vector<float>(32, 0.0f));
}

TEST_CASE("halves widen exactly") {
  test::SafetensorsBuilder file;
  const std::string half("\x00\x3c\xff\x7b\x01\x00\x00\x80\x00\xc2\x00\x04", 12);  // of F16
  std::string a = half;
  a.resize(64, '\0');
  std::string b("\x80\x3f\x49\x40", 4);  // 1, 3.140625 of BF16
  b.resize(64, '\0');
  file.tensor(kQ + ".lora_A.weight", {2, 16}, a, "F16");
  file.tensor(kQ + ".lora_B.weight", {16, 2}, b, "BF16");
  const auto adapter = opened(kPlainConfig, file);
  const LoraModule& module = adapter->lora().modules[0];
  const std::vector<float> want = {1, 65504, 0x1p-24f, -0.0f, -3, 0x1p-14f};
  CHECK(std::equal(want.begin(), want.end(), module.a.begin()));
  CHECK(std::signbit(module.a[3]));
  CHECK(module.b[0] == 1);
  CHECK(module.b[1] == 3.140625f);
}

TEST_CASE("values of adapter_config.json out of their ranges (class 91)") {
  const auto with_r = [](const char* r) {
    return config_error(replaced(kPlainConfig, "\"r\": 2", std::string("\"r\": ") + r));
  };
  const std::string need = ", need an integer in 1..65536";
  CHECK(with_r("0") == "key r: got 0" + need);
  CHECK(with_r("-1") == "key r: got -1" + need);
  CHECK(with_r("1000000000") == "key r: got 1000000000" + need);
  CHECK(with_r("\"8\"") == "key r: got \"8\"" + need);
  CHECK(with_r("1.5") == "key r: got 1.5" + need);
  const auto with_alpha = [](const char* alpha) {
    return config_error(replaced(kPlainConfig, "4", alpha));
  };
  CHECK(with_alpha("NaN").find("JSON error (at line 1, column") == 0);
  CHECK(with_alpha("1e999").find("JSON error") == 0);
  CHECK(with_alpha("-1") == "key lora_alpha: got -1, need a finite number >= 0");
  CHECK(config_error(config_with("\"lora_dropout\": 1.5")) ==
        "key lora_dropout: got 1.5, need a number in 0..1");
  CHECK(config_error(config_with(R"("rank_pattern": {"q_proj": 0})")) ==
        "key rank_pattern.q_proj: got 0" + need);
  CHECK(config_error(config_with(R"("alpha_pattern": {"q_proj": "x"})")) ==
        "key alpha_pattern.q_proj: got \"x\", need a finite number >= 0");
  CHECK(config_error(config_with(R"("alpha_pattern": {"(q_proj": 1})")) ==
        "key alpha_pattern: got (q_proj, which is not supported");
  CHECK(config_error("[]") == "got array, need an object");
  // Short patterns that become long programs.
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "\"(x{1000}){16}" + std::to_string(i) + "\": 2, ";
  CHECK(config_error(config_with("\"rank_pattern\": {" + many + "\"y\": 2}"))
            .starts_with("key rank_pattern: got patterns of "));
}

TEST_CASE("targets that there are not (class 92)") {
  const auto with = [](const std::string& targets) {
    return error_with(replaced(kPlainConfig, "[\"q_proj\"]", targets), plain_weights());
  };
  const std::string file = "adapter_config.json: key target_modules";
  CHECK(with("[]") == file + ": got [], need names of modules or a pattern");
  CHECK(with("null") == file + " is missing: need names of modules");
  CHECK(with("7") == file + ": got 7, need names of modules or a pattern");
  CHECK(with("[7]") == file + ": got 7, need the name of a module");
  CHECK(with("\"(?=q)\"") == file + ": got (?=q), which is not supported");
  const std::string none =
      "adapter_model.safetensors: key target_modules: no module of the base is one";
  CHECK(with("[\"c_attn\"]") == none);
  CHECK(with("\"(a+)+$\"") == none);
  CHECK(with("\"all-linear\"") == "no error");
  CHECK(with("[\"c_attn\", \"q_proj\"]") == "no error");
}

TEST_CASE("methods that are not known, by their key") {
  for (const char* member :
       {R"("use_dora": true)", R"("use_qalora": true)", R"("lora_bias": true)",
        R"("layer_replication": [[0, 1]])", R"("alora_invocation_tokens": [1])",
        R"("target_parameters": ["x"])", R"("trainable_token_indices": [1])",
        R"("some_new_option": 3)", R"("init_lora_weights": "pissa")",
        R"("init_lora_weights": "olora")"}) {
    INFO(member);
    const std::string key = std::string(member).substr(1, std::string(member).find("\":") - 1);
    const std::string error = config_error(config_with(member));
    CHECK(error.starts_with("key " + key + ": got "));
    CHECK(error.ends_with(", which is not supported"));
  }
  CHECK(config_error(replaced(kPlainConfig, "LORA", "IA3")) ==
        "key peft_type: got IA3, which is not supported");
  CHECK(config_error("{}") == "key peft_type: got none, which is not supported");
}

TEST_CASE("tensors that do not fit the base (class 94)") {
  const auto with = [](const std::string& a, std::vector<uint64_t> a_shape, const std::string& b,
                       std::vector<uint64_t> b_shape) {
    test::SafetensorsBuilder file;
    file.tensor(a, a_shape, floats(a_shape[0] * a_shape[1]));
    if (!b.empty()) file.tensor(b, b_shape, floats(b_shape[0] * b_shape[1]));
    return error_with(kPlainConfig, file);
  };
  const std::string a = kQ + ".lora_A.weight", b = kQ + ".lora_B.weight";
  const std::string file = "adapter_model.safetensors: tensor ";
  CHECK(with(a, {2, 16}, b, {16, 3}) ==
        file + b + " does not fit the base: got shape [16, 3], need [16, 2]");
  CHECK(with(a, {3, 16}, b, {16, 3}) ==
        file + a + " does not fit the base: got shape [3, 16], need [2, 16]");
  CHECK(with(a, {2, 8}, b, {16, 2}) ==
        file + a + " does not fit the base: got shape [2, 8], need [2, 16]");
  CHECK(with(a, {2, 16}, b, {8, 2}) ==
        file + b + " does not fit the base: got shape [8, 2], need [16, 2]");
  CHECK(with(a, {2, 16}, "", {}) == file + a + " has no lora_B beside it");
  CHECK(with(b, {16, 2}, "", {}) == file + b + " has no lora_A beside it");
  CHECK(with(a, {2, 16}, kQ + ".lora_A.default.weight", {2, 16}) ==
        file + kQ + ".lora_A.default.weight is there twice, under two spellings");
  const std::string elsewhere =
      " does not fit the base: it has no such matrix, or cannot be adapted so";
  for (const std::string name :
       {"base_model.model.model.layers.2.self_attn.q_proj.lora_A.weight",
        "base_model.model.model.layers.0.mlp.experts.0.up_proj.lora_A.weight",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector",
        "base_model.model.model.norm.modules_to_save.weight", "lora_A.weight", "x"}) {
    CHECK(with(name, {2, 16}, "", {}) == file + name + elsewhere);
  }
  CHECK(with(kQ + ".weight", {16, 16}, "", {}) ==
        file + kQ + ".weight is neither of LoRA nor of a module in modules_to_save");
  CHECK(with(kQ + ".bias", {1, 16}, "", {}) ==
        file + kQ + ".bias is neither of LoRA nor of a module in modules_to_save");
  CHECK(with(kQ + ".lora_embedding_A", {2, 16}, "", {}) ==
        file + kQ + ".lora_embedding_A does not fit the base: the other kind of module");
  CHECK(error_with(config_with(R"("modules_to_save": ["lm_head"])"), plain_weights()) ==
        file + "lm_head.weight of modules_to_save is missing");
  CHECK(error_with(kPlainConfig, test::SafetensorsBuilder()) ==
        "adapter_model.safetensors: holds no tensor of an adapter");
  auto integers = plain_weights();
  integers.tensors[0].dtype = "\"I32\"";
  CHECK(error_with(kPlainConfig, integers) == file + a + ": got type I32, need F32, F16 or BF16");
}

TEST_CASE("values that are not finite (class 95)") {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    auto file = plain_weights();
    std::memcpy(file.tensors[1].data.data() + 20, &bad, 4);
    CHECK(error_with(kPlainConfig, file) == "adapter_model.safetensors: tensor " + kQ +
                                                ".lora_B.weight has values that are not finite");
  }
}

TEST_CASE("what run.json says: end tokens, and another base (class 96)") {
  const auto base = open_golden("qwen2-bias");
  const auto run = [](const std::string& fingerprint, const std::string& ids = "[2, 47]") {
    return R"({"format": "nalar.run/1", "base": {"name": "tiny", "fingerprint": ")" + fingerprint +
           R"("}, "end_tokens": {"ids": )" + ids + R"(, "pieces": ["a", "b"]}})";
  };
  const auto right = opened(kPlainConfig, plain_weights(), run(fingerprint(*base)));
  CHECK(right->end_tokens() == std::vector<TokenId>{2, 47});
  CHECK(right->base_notice().empty());
  const auto other = opened(kPlainConfig, plain_weights(), run("00"));
  CHECK(other->base_notice() ==
        "was trained on another base (tiny): qwen2-bias's weights differ from those that run.json "
        "names");
  CHECK(opened(kPlainConfig, plain_weights(), "{}")->base_notice().empty());
  const std::string need = ", need a list of integers in 0..47";
  CHECK(error_with(kPlainConfig, plain_weights(), run("", "[48]")) ==
        "run.json: key end_tokens.ids: got 48" + need);
  CHECK(error_with(kPlainConfig, plain_weights(), run("", "[-1]")) ==
        "run.json: key end_tokens.ids: got -1" + need);
  CHECK(error_with(kPlainConfig, plain_weights(), run("", "3")) ==
        "run.json: key end_tokens.ids: got 3" + need);
  CHECK(error_with(kPlainConfig, plain_weights(), "[]") == "run.json: got array, need an object");
}

TEST_CASE("what is no adapter, and pickles (class 97)") {
  const auto base = open_golden("qwen2-bias");
  const auto kind_of = [&](const std::string& path) {
    try {
      open_adapter(path, *base);
    } catch (const Error& e) {
      return e.kind();
    }
    return ErrorKind::internal;
  };
  const std::string folder = test::temporary_folder();
  CHECK(kind_of(folder + "/none") == ErrorKind::no_input);
  CHECK(error_of([&] { open_adapter(folder, *base); }) ==
        folder + ": no adapter in this folder: adapter_config.json is missing");
  write_text(folder + "/adapter_config.json", kPlainConfig);
  CHECK(kind_of(folder) == ErrorKind::no_input);
  CHECK(kind_of(folder + "/adapter_config.json") == ErrorKind::no_input);
  for (const char* name : {"adapter_model.bin", "x.pt", "x.pth", "x.ckpt", "x.npz"}) {
    const std::string with_pickle = test::temporary_folder();
    write_text(with_pickle + "/adapter_config.json", kPlainConfig);
    write_text(with_pickle + "/" + name, "anything");
    CHECK(kind_of(with_pickle) == ErrorKind::policy);
    CHECK(kind_of(with_pickle + "/" + name) == ErrorKind::policy);
    // Beside weights that can be read it is left alone.
    write_text(with_pickle + "/adapter_model.safetensors", plain_weights().bytes());
    CHECK(kind_of(with_pickle) == ErrorKind::internal);
  }
  write_text(folder + "/adapter_model.safetensors", "\x80\x02}q\x01.");
  CHECK(kind_of(folder) == ErrorKind::policy);
}
