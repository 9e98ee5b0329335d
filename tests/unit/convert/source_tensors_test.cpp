#include "convert/source_tensors.h"

#include <nalar/quantize.h>

#include <cstring>
#include <filesystem>

#include "convert_support.h"
#include "io/tensor_file.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/notices.h"
#include "support/safetensors_builder.h"
#include "support/tiny_llama.h"

namespace nalar::convert::test {
namespace {

constexpr uint32_t kF16 = 1, kQ8 = 8, kI32 = 26;

// A GGUF model with tensors that no llama has.
std::string gguf_with_extras(const std::string& folder, bool quantized = true) {
  nalar::test::GgufBuilder builder = nalar::test::tiny_llama();
  builder.tensor("blk.0.gate.weight", {2, 32}, kF16, std::string(128, '\x3c'));
  builder.tensor("steps", {3}, kI32, std::string(12, '\1'));
  std::string block(34, '\1');
  block[1] = 0x3c;
  if (quantized) builder.tensor("blk.0.extra.weight", {2, 32}, kQ8, block + block);
  const std::string path = folder + "/extras.gguf";
  nalar::test::write_text(path, builder.bytes());
  return path;
}

std::shared_ptr<const Model> open_with_extras(const std::string& path) {
  return open_model(path, {.keep_unknown_tensors = true});
}

// A golden model's folder, and one shard more.
std::string folder_with_shard(const nalar::test::SafetensorsBuilder& shard) {
  const std::string path = nalar::test::temporary_folder() + "/hf";
  std::filesystem::copy(golden_model("llama-bias"), path);
  Json::Object places;
  const auto files = ModelFiles::open(path);
  for (const TensorView& tensor : files->tensors()->tensors()) {
    places.emplace_back(tensor.name, "a.safetensors");
  }
  for (const auto& tensor : shard.tensors) places.emplace_back(tensor.name, "b.safetensors");
  std::filesystem::rename(path + "/model.safetensors", path + "/a.safetensors");
  nalar::test::write_text(path + "/b.safetensors", shard.bytes());
  nalar::test::write_text(path + "/model.safetensors.index.json",
                          to_text(Json::Object{{"weight_map", std::move(places)}}));
  return path;
}

// The extras of `from` are those of `to`, byte for byte.
void check_kept(const ModelFiles& from, const ModelFiles& to,
                const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    INFO(name);
    const TensorView *a = from.tensors()->find(name), *b = to.tensors()->find(name);
    REQUIRE(a);
    REQUIRE(b);
    CHECK(a->dtype == b->dtype);
    CHECK(a->shape == b->shape);
    CHECK(std::memcmp(a->bytes.data(), b->bytes.data(), a->bytes.size()) == 0);
  }
}

}  // namespace

TEST_CASE("a model with tensors that its family does not know is refused, the first one named") {
  const std::string folder = nalar::test::temporary_folder();
  const std::string path = gguf_with_extras(folder);
  try {
    open_model(path);
    FAIL("it was opened");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::bad_data);
    CHECK(std::string_view(error.what()) ==
          path + ": tensor blk.0.gate.weight is not known in a llama model, nor are 2 others");
    CHECK(error.hint().find("--keep-unknown-tensors") != std::string::npos);
  }
  const auto model = open_with_extras(path);
  REQUIRE(model->unknown_tensors().size() == 3);
  CHECK(model->unknown_tensors()[1].name == "steps");
}

TEST_CASE("unknown tensors go along as they are, and are told") {
  const std::string folder = nalar::test::temporary_folder();
  const auto model = open_with_extras(gguf_with_extras(folder));
  ConvertOptions options;
  options.dtype = DType::bf16;
  const nalar::test::Notices notices;
  const ConvertResult result = convert(model, folder + "/bf16.gguf", options);
  const std::vector<std::string> names{"blk.0.gate.weight", "steps", "blk.0.extra.weight"};
  CHECK(result.kept == names);
  CHECK(
      notices.tell("kept as they are: 3 tensors that are not known in a llama model: "
                   "blk.0.gate.weight, steps, blk.0.extra.weight; llama.cpp opens no file"));
  const auto made = open_with_extras(folder + "/bf16.gguf");
  CHECK(made->weights().layers[0].q.dtype == DType::bf16);
  check_kept(model->files(), made->files(), names);
}

TEST_CASE("a folder's unknown tensors go to GGUF, and to another folder, and back") {
  const std::string folder = nalar::test::temporary_folder();
  const auto model = open_with_extras(gguf_with_extras(folder, false));
  const std::vector<std::string> names{"blk.0.gate.weight", "steps"};
  convert(model, folder + "/hf");
  const auto hf = open_with_extras(folder + "/hf");
  check_kept(model->files(), hf->files(), names);
  ConvertOptions options;
  options.dtype = DType::f32;
  for (const std::string& to : {folder + "/f32", folder + "/f32.gguf"}) {
    const ConvertResult result = convert(hf, to, options);
    CHECK(result.kept.size() == 2);
    CHECK(result.left_out.empty());
    check_kept(model->files(), open_with_extras(to)->files(), names);
  }
}

TEST_CASE("unknown tensors that the other format cannot have are refused by name") {
  const std::string folder = nalar::test::temporary_folder();
  const auto gguf = open_with_extras(gguf_with_extras(folder));
  CHECK(nalar::test::error_of([&] { convert(gguf, folder + "/hf"); }) ==
        gguf->files().path() + ": tensor blk.0.extra.weight: safetensors has no type Q8_0");

  const auto with = [&](const std::string& name, const std::string& dtype) {
    nalar::test::SafetensorsBuilder extra;
    extra.tensor(name, {2}, std::string(dtype == "BOOL" ? 2 : 8, '\0'), dtype);
    const auto model = open_with_extras(folder_with_shard(extra));
    const std::string error = nalar::test::error_of([&] { convert(model, folder + "/out.gguf"); });
    CHECK(!std::filesystem::exists(folder + "/out.gguf"));
    return error.substr(error.find(": tensor ") + 2);
  };
  CHECK(with("output_norm.weight", "F32") ==
        "tensor output_norm.weight: it is not known in a llama model, and another tensor gets its "
        "name");
  CHECK(with("mask", "BOOL") == "tensor mask: GGUF has no type BOOL");
  CHECK(with(std::string(64, 'x'), "F32") ==
        "tensor " + std::string(64, 'x') + ": its name has 64 bytes, GGUF allows 63");
}

TEST_CASE("quantizing keeps unknown tensors as they are") {
  const std::string folder = nalar::test::temporary_folder();
  const auto model = open_with_extras(gguf_with_extras(folder));
  const std::string other = nalar::test::temporary_folder();
  convert(open_with_extras(gguf_with_extras(other, false)), folder + "/hf");
  QuantizeOptions options;
  options.mix = Mix::q4_0;
  options.threads = 1;
  const nalar::test::Notices notices;
  const QuantizeResult result = quantize(model, folder + "/q.gguf", options);
  CHECK(notices.tell("kept as they are: 3 tensors"));
  CHECK(result.report.find("kept")->as_array().size() == 3);
  const auto made = open_with_extras(folder + "/q.gguf");
  CHECK(made->weights().layers[0].q.dtype == DType::q4_0);
  check_kept(model->files(), made->files(), {"blk.0.gate.weight", "steps", "blk.0.extra.weight"});

  const auto hf = open_with_extras(folder + "/hf");
  quantize(hf, folder + "/of-hf.gguf", options);
  check_kept(hf->files(), open_with_extras(folder + "/of-hf.gguf")->files(),
             {"blk.0.gate.weight", "steps"});
}

TEST_CASE("what is harmless and has no place is named in both directions") {
  const std::string folder = nalar::test::temporary_folder();
  nalar::test::GgufBuilder builder = nalar::test::tiny_llama();
  builder.tensor("vision_tower.a", {2}, nalar::test::some_floats(2));
  builder.tensor("vision_tower.b", {2}, nalar::test::some_floats(2));
  nalar::test::write_text(folder + "/m.gguf", builder.bytes());
  const ConvertResult result = convert(open_model(folder + "/m.gguf"), folder + "/hf");
  CHECK(result.left_out == std::vector<std::string>{"2 tensors vision_tower.…"});
  CHECK(result.kept.empty());
}

}  // namespace nalar::convert::test
