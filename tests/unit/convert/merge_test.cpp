#include <filesystem>

#include "convert/gguf_form.h"
#include "convert/output.h"
#include "convert_support.h"
#include "io/tensor_file.h"
#include "model/lora.h"
#include "support/catch.h"
#include "support/error_of.h"

namespace nalar::convert::test {
namespace {

using engine::test::largest;
using engine::test::worst_difference;

const engine::test::Ids kIds{3, 14, 15, 9, 26, 5, 35, 8, 9, 7};
// Σ over the rank and over d_model in another order: some hundred roundings of a single.
constexpr float kTolerance = 1e-4f;

void check_merged(const std::shared_ptr<const Model>& base, const std::string& merged,
                  const std::vector<AdapterUse>& adapters) {
  const auto want = logits_of(base, kIds, adapters);
  const auto got = logits_of(open_model(merged), kIds);
  CHECK(worst_difference(got, want) <= kTolerance * largest(want));
}

ConvertOptions with(std::vector<AdapterUse> adapters) {
  ConvertOptions options;
  options.adapters = std::move(adapters);
  return options;
}

// A golden model's matrices in Q8_0, as far as their rows allow.
std::string quantized(const std::string& name, const std::string& folder) {
  const auto model = open_model(golden_model(name));
  GgufForm form = gguf_form(*model);
  for (FormTensor& tensor : form.tensors) {
    const bool fits = tensor.shape.size() == 2 && tensor.columns() % 32 == 0;
    if (fits) tensor.dtype = DType::q8_0;
  }
  const ConvertControl control;
  TensorOutput output(model->files(), 1, control, 0);
  const std::string path = folder + "/q8_0.gguf";
  write_gguf_files(io::file_system(), path, form, std::nullopt, output);
  return path;
}

// Of the Linears of the layers.
std::shared_ptr<const Adapter> linear_adapter(const Model& base) {
  model::LoraAdapter lora = engine::test::full_adapter(base, 6)->lora();
  std::erase_if(lora.modules, [](const model::LoraModule& m) { return m.target.layer < 0; });
  return std::make_shared<Adapter>("linear", std::move(lora));
}

}  // namespace

TEST_CASE("a merged model computes what base and adapters do, in both formats, from both") {
  const std::string folder = nalar::test::temporary_folder();
  for (const std::string& name : engine::test::golden_models()) {
    INFO(name);
    const auto base = open_model(golden_model(name));
    const std::vector<AdapterUse> adapters{{engine::test::full_adapter(*base, 1), 0.5f},
                                           {engine::test::full_adapter(*base, 2), -0.25f}};
    for (const std::string& to : {folder + "/" + name + "-merged.gguf", folder + "/" + name}) {
      convert(base, to, with(adapters));
      check_merged(base, to, adapters);
    }
  }
}

TEST_CASE("whole tensors of an adapter take the place of the base's") {
  const std::string folder = nalar::test::temporary_folder();
  for (const std::string& name : golden_folders()) {
    INFO(name);
    const auto base = open_model(golden_model(name));
    const std::vector<AdapterUse> adapters{{engine::test::saving_adapter(*base), 1}};
    const std::string to = folder + "/" + name + ".gguf";
    convert(base, to, with(adapters));
    check_merged(base, to, adapters);
    CHECK(nalar::test::error_of([&] {
            convert(base, to, with({{adapters[0].adapter, 0.5f}}));
          }).find("got scale 0.5, need 1") != std::string::npos);
  }
}

TEST_CASE("a published adapter of PEFT, merged, is base and adapter") {
  const std::string folder = nalar::test::temporary_folder();
  const auto base = open_model(golden_model("llama-llama3"));
  for (const std::string name : {"plain", "rslora", "head", "saved"}) {
    INFO(name);
    const auto adapter = open_adapter(nalar::test::golden("adapters/llama-llama3/" + name), *base);
    const std::string to = folder + "/" + name;
    convert(base, to, with({{adapter, 1}}));
    check_merged(base, to, {{adapter, 1}});
  }
}

TEST_CASE("merging into quantized weights asks for leave, or gives other types") {
  const std::string folder = nalar::test::temporary_folder();
  const std::string file = quantized("qwen2-yarn", folder);
  const auto base = open_model(file);
  const std::vector<AdapterUse> adapters{{linear_adapter(*base), 1}};
  ConvertOptions options = with(adapters);
  const std::string merged = folder + "/merged.gguf";
  CHECK(nalar::test::error_of([&] {
          convert(base, merged, options);
        }).find("it is Q8_0, and merging into it would quantize it anew") != std::string::npos);
  options.dtype = DType::f32;
  convert(base, merged, options);
  check_merged(base, merged, adapters);
  options.dtype.reset();
  options.allow_requantize = true;
  const auto anew = open_model(convert(file, folder + "/anew.gguf", options));
  CHECK(anew->weights().layers[0].q.dtype == DType::q8_0);
  const auto want = logits_of(base, kIds, adapters);
  // Q8_0 rounds each weight of a block by up to 1/254 of the largest.
  CHECK(worst_difference(logits_of(anew, kIds), want) <= 0.1f * largest(want));
  CHECK(worst_difference(logits_of(anew, kIds), want) > 0);
}

TEST_CASE("a quantized file becomes a folder in F16") {
  const std::string folder = nalar::test::temporary_folder();
  const auto base = open_model(quantized("qwen2-yarn", folder));
  const auto hf = open_model(convert(base->files().path(), folder + "/hf"));
  CHECK(hf->weights().layers[0].q.dtype == DType::f16);
  const auto want = logits_of(base, kIds);
  // Eleven bits of a weight are kept.
  CHECK(worst_difference(logits_of(hf, kIds), want) <= 1e-2f * largest(want));
}

TEST_CASE("an adapter goes to llama.cpp's file and back, and means the same") {
  const std::string folder = nalar::test::temporary_folder();
  for (const std::string model : {"llama-bias", "llama-bias.gguf", "qwen2-bias"}) {
    INFO(model);
    const auto base = open_model(golden_model(model));
    const auto adapter = engine::test::full_adapter(*base, 3);
    ConvertOptions options;
    options.to = ConvertTarget::gguf_adapter;
    const std::string gguf = folder + "/" + model + "-lora.gguf", peft = folder + "/" + model;
    convert_adapter(*adapter, *base, gguf, options);
    const auto read = open_adapter(gguf, *base);
    options.to = ConvertTarget::peft;
    convert_adapter(*read, *base, peft, options);
    for (const auto& other : {read, open_adapter(peft, *base)}) {
      REQUIRE(other->lora().modules.size() == adapter->lora().modules.size());
      for (size_t i = 0; i < other->lora().modules.size(); ++i) {
        const model::LoraModule &a = adapter->lora().modules[i], &b = other->lora().modules[i];
        CHECK(a.target == b.target);
        CHECK(a.scale == b.scale);
        CHECK(a.a == b.a);
        CHECK(a.b == b.b);
      }
    }
  }
}

TEST_CASE("an adapter's file is for every base of its family, whatever the order of its rows") {
  const std::string folder = nalar::test::temporary_folder();
  const auto hf = open_model(golden_model("llama-bias"));
  const auto gguf = open_model(golden_model("llama-bias.gguf"));
  ConvertOptions options;
  options.to = ConvertTarget::gguf_adapter;
  const std::string file = folder + "/lora.gguf";
  convert_adapter(*engine::test::full_adapter(*hf, 4), *hf, file, options);
  const auto a = logits_of(hf, kIds, {{open_adapter(file, *hf), 1}});
  const auto b = logits_of(gguf, kIds, {{open_adapter(file, *gguf), 1}});
  CHECK(worst_difference(a, b) <= kTolerance * largest(a));
}

TEST_CASE("scales that one alpha cannot say are folded into B; what cannot be said is refused") {
  const std::string folder = nalar::test::temporary_folder();
  ConvertOptions options;
  options.to = ConvertTarget::gguf_adapter;
  const auto base = open_model(golden_model("llama-bias"));
  const auto patterns = open_adapter(nalar::test::golden("adapters/llama-bias/patterns"), *base);
  const std::string file = folder + "/patterns.gguf";
  convert_adapter(*patterns, *base, file, options);
  const auto want = logits_of(base, kIds, {{patterns, 1}});
  const auto got = logits_of(base, kIds, {{open_adapter(file, *base), 1}});
  CHECK(worst_difference(got, want) <= kTolerance * largest(want));

  const auto refused = [&](const Adapter& adapter, const Model& of) {
    return nalar::test::error_of(
        [&] { convert_adapter(adapter, of, folder + "/no.gguf", options); });
  };
  CHECK(refused(*engine::test::saving_adapter(*base), *base).find("no whole tensors") !=
        std::string::npos);
  const auto tied = open_model(golden_model("llama-llama3"));
  CHECK(refused(*engine::test::full_adapter(*tied, 5), *tied).find("the head is the embedding") !=
        std::string::npos);
  CHECK(!std::filesystem::exists(folder + "/no.gguf"));
}

}  // namespace nalar::convert::test
