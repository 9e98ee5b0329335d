#include <nalar/json.h>

#include <cmath>
#include <filesystem>

#include "engine_support.h"
#include "support/catch.h"
#include "support/material.h"

namespace nalar::engine::test {
namespace {

void check_reference(const std::string& path, const Reference& reference) {
  const auto model = open_model(path);
  for (const kernels::Isa isa : kernels::available_isas()) {
    const auto engine = engine_of(model, {2, Compute::fp32, 512, isa});
    for (size_t i = 0; i < reference.ids.size(); ++i) {
      INFO(path << " on " << name(isa) << ", sequence " << i);
      const Logits got = forward(*engine, engine->create(), reference.ids[i]);
      CHECK(worst_difference(got, reference.logits[i]) <= 1e-4f * largest(reference.logits[i]));
    }
  }
}

}  // namespace

TEST_CASE("logits of the golden models are those of transformers, on every instruction set") {
  for (const std::string& name : golden_models()) {
    const std::string folder = std::filesystem::path(name).stem().string();
    check_reference(
        nalar::test::golden("models/" + name),
        read_reference(nalar::test::golden("models/" + folder + "/reference.safetensors")));
  }
}

TEST_CASE("logits of the small published checkpoints, where they are there") {
  namespace fs = std::filesystem;
  for (const std::string family : {"llama", "mistral", "qwen2", "qwen3", "gemma3"}) {
    const auto weights = nalar::test::material("models/hf-tiny/tiny_" + family + ".safetensors");
    if (!weights) return;
    const std::string stem = weights->substr(0, weights->size() - 12);
    const std::string folder = nalar::test::temporary_folder();
    fs::copy_file(*weights, folder + "/model.safetensors");
    fs::copy_file(stem + "_config.json", folder + "/config.json");
    const Json json = parse_json(nalar::test::read_text(stem + "_logits.json"));
    Reference reference;
    for (const Json& sequence : json.find("sequences")->as_array()) {
      Ids& ids = reference.ids.emplace_back();
      for (const Json& id : sequence.as_array()) ids.push_back(static_cast<TokenId>(id.as_int64()));
    }
    for (const Json& sequence : json.find("logits")->as_array()) {
      Logits& logits = reference.logits.emplace_back();
      for (const Json& row : sequence.as_array()) {
        for (const Json& x : row.as_array()) logits.push_back(static_cast<float>(x.as_double()));
      }
    }
    check_reference(folder, reference);
  }
}

}  // namespace nalar::engine::test
