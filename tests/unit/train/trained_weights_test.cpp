#include "train/trained_weights.h"

#include <nalar/error.h>

#include "hash_model.h"
#include "io/tensor_file.h"
#include "model/float_values.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"
#include "support/safetensors_builder.h"
#include "train/base_files.h"

namespace nalar::train {
namespace {

// The golden model of that name with its tensors all zero and of another type.
std::shared_ptr<const Model> base_of(const std::string& name, const std::string& dtype) {
  const std::string golden = test::golden("models/" + name);
  const auto source = ModelFiles::open(golden);
  test::SafetensorsBuilder builder;
  builder.metadata = {{"format", "pt"}};
  for (const TensorView& view : source->tensors()->tensors()) {
    const std::vector<uint64_t> shape(view.shape.begin(), view.shape.end());
    const auto n = static_cast<size_t>(view.elements()) * (dtype == "F32" ? 4 : 2);
    builder.tensor(std::string(view.name), shape, std::string(n, '\0'), dtype);
  }
  const std::string folder = test::temporary_folder();
  test::write_text(folder + "/model.safetensors", builder.bytes());
  test::write_text(folder + "/config.json", test::read_text(golden + "/config.json"));
  return open_model(folder);
}

TEST_CASE("all weights become a folder that opens, in the base's types and names") {
  const std::string dtype = GENERATE("F32", "F16", "BF16");
  const std::string name = GENERATE("llama-bias", "qwen3", "gemma3");
  const auto base = base_of(name, dtype);
  test::HashModel trained(*base, {});
  trained.parameters()[0].value[1] = -3;
  const std::string folder = test::temporary_folder();
  write_weights(io::file_system(), folder, *base, trained.parameters());
  copy_model_files(io::file_system(), base->files(), nullptr, folder);
  const auto result = open_model(folder);
  for (const TensorView& view : base->files().tensors()->tensors()) {
    const TensorView* out = result->files().tensors()->find(view.name);
    REQUIRE(out != nullptr);
    CHECK(out->dtype == view.dtype);
    CHECK(out->shape == view.shape);
  }
  const std::vector<float> embedding = model::float_values(result->weights().embedding);
  CHECK(embedding[0] == 0.25f);
  CHECK(embedding[1] == -3.0f);
  for (const float x : model::float_values(result->weights().layers.back().down)) {
    CHECK(x == 0.25f);
  }
}

TEST_CASE("16-bit values are the nearest, the even one on a tie") {
  const std::string dtype = GENERATE("F16", "BF16");
  // The next number after 1.
  const float step = dtype == "F16" ? 0x1p-10f : 0x1p-7f;
  const auto base = base_of("qwen3", dtype);
  test::HashModel trained(*base, {});
  const std::span<float> values = trained.parameters()[0].value;
  values[0] = 1 + step / 2;      // a tie: down to the even 1
  values[1] = 1 + step * 3 / 2;  // a tie: up to the even one
  values[2] = 1 + step * 0.51f;
  values[3] = -(1 + step * 0.49f);
  const std::string folder = test::temporary_folder();
  write_weights(io::file_system(), folder, *base, trained.parameters());
  copy_model_files(io::file_system(), base->files(), nullptr, folder);
  const auto got = model::float_values(open_model(folder)->weights().embedding);
  CHECK(got[0] == 1);
  CHECK(got[1] == 1 + 2 * step);
  CHECK(got[2] == 1 + step);
  CHECK(got[3] == -1);
}

TEST_CASE("a value beyond the type's range is refused, and nothing is left") {
  const auto base = base_of("qwen3", "F16");
  test::HashModel trained(*base, {});
  trained.parameters()[0].value[7] = 1e6f;
  const std::string folder = test::temporary_folder();
  CHECK(test::error_of([&] {
          write_weights(io::file_system(), folder, *base, trained.parameters());
        }).find("tensor model.embed_tokens.weight: 1000000 is beyond the range of F16") !=
        std::string::npos);
  CHECK(io::file_system().list(folder).empty());
}

TEST_CASE("an adapter is replaced whole") {
  const auto base = base_of("qwen3", "F32");
  model::LoraAdapter adapter = model::make_adapter({.rank = 2}, *base, 1);
  test::HashModel trained(*base, {.adapter = adapter});
  CHECK(count_parameters(adapter) == [&] {
    int64_t n = 0;
    for (const Parameter& p : trained.parameters()) n += static_cast<int64_t>(p.value.size());
    return n;
  }());
  for (const Parameter& p : trained.parameters()) {
    std::fill(p.value.begin(), p.value.end(), 0.5f);
  }
  adapter = with_values(std::move(adapter), trained.parameters());
  for (const model::LoraModule& m : adapter.modules) {
    CHECK(m.a == std::vector<float>(m.a.size(), 0.5f));
    CHECK(m.b == std::vector<float>(m.b.size(), 0.5f));
  }
  const std::string folder = test::temporary_folder();
  for (int twice = 0; twice < 2; ++twice) {
    write_adapter(io::file_system(), folder, adapter, *base);
    CHECK(io::file_system().list(folder) ==
          std::vector<std::string>{"adapter_config.json", "adapter_model.safetensors"});
  }
  const std::span<Parameter> all = trained.parameters();
  CHECK(test::error_of([&] { with_values(adapter, all.first(all.size() - 1)); }) != "no error");
}

}  // namespace
}  // namespace nalar::train
