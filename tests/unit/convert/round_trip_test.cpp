#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>

#include "convert/trained_folder.h"
#include "convert_support.h"
#include "io/tensor_file.h"
#include "model/float_values.h"
#include "model/weights.h"
#include "support/catch.h"

namespace nalar::convert::test {
namespace {

using engine::test::Logits;

std::string convert_as(const std::string& from, const std::string& to, DType dtype) {
  ConvertOptions options;
  options.dtype = dtype;
  return convert(from, to, options);
}

// The same tensors, bit for bit; norms that GGUF keeps as 1 + w within an ulp of that.
void check_same_tensors(const std::string& a, const std::string& b) {
  const auto x = ModelFiles::open(a), y = ModelFiles::open(b);
  REQUIRE(x->tensors()->tensors().size() == y->tensors()->tensors().size());
  const bool gemma = a.find("gemma3") != a.npos;
  for (const TensorView& t : x->tensors()->tensors()) {
    INFO(b << ": " << t.name);
    const TensorView* u = y->tensors()->find(t.name);
    REQUIRE(u);
    REQUIRE(u->dtype == t.dtype);
    REQUIRE(u->shape == t.shape);
    if (!gemma || t.name.find("norm") == t.name.npos) {
      CHECK(std::memcmp(t.bytes.data(), u->bytes.data(), t.bytes.size()) == 0);
      continue;
    }
    const std::vector<float> v = model::float_values(t), w = model::float_values(*u);
    for (size_t i = 0; i < v.size(); ++i) {
      const float whole = std::abs(1 + v[i]);
      REQUIRE(std::abs(v[i] - w[i]) <= std::nextafter(whole, 2 * whole) - whole);
    }
  }
}

}  // namespace

TEST_CASE("a folder's GGUF gives the logits of transformers, in every family") {
  const std::string folder = nalar::test::temporary_folder();
  for (const std::string& name : golden_folders()) {
    const std::string gguf = convert(golden_model(name), folder + "/" + name + ".gguf");
    const auto reference =
        engine::test::read_reference(golden_model(name) + "/reference.safetensors");
    for (size_t i = 0; i < reference.ids.size(); ++i) {
      INFO(name << ", sequence " << i);
      const Logits got = logits_of(open_model(gguf), reference.ids[i]);
      CHECK(engine::test::worst_difference(got, reference.logits[i]) <=
            1e-4f * engine::test::largest(reference.logits[i]));
    }
  }
}

TEST_CASE("folder to GGUF and back is the same folder, bit for bit, in F32, F16 and BF16") {
  const std::string folder = nalar::test::temporary_folder();
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const std::string& name : golden_folders()) {
      const std::string stem = folder + "/" + name + std::string(nalar::name(dtype));
      const std::string source = convert_as(golden_model(name), stem + "-source", dtype);
      const std::string gguf = convert(source, stem + ".gguf");
      check_same_tensors(source, convert(gguf, stem + "-back"));
    }
  }
}

TEST_CASE("trained weights of a GGUF file make the folder that the file with them makes") {
  const std::string folder = nalar::test::temporary_folder();
  const model::TensorNaming naming(model::NameScheme::canonical);
  for (const std::string& name : engine::test::golden_models()) {
    if (!name.ends_with(".gguf")) continue;
    const auto base = open_model(golden_model(name));
    std::map<std::string, std::vector<float>> values;
    Weights weights = base->weights();
    model::for_each_tensor(base->config(), weights, [&](const model::TensorSlot& slot) {
      std::vector<float> twice = model::float_values(*slot.view);
      for (float& value : twice) value *= 2;
      values.emplace(naming.name(slot.tensor), std::move(twice));
    });
    const std::string plain = convert(golden_model(name), folder + "/" + name + "-plain");
    const std::string trained = folder + "/" + name;
    std::filesystem::create_directory(trained);
    write_trained_folder(
        io::file_system(), trained, *base,
        [&](model::TensorName tensor) {
          return std::span<const float>(values[naming.name(tensor)]);
        },
        1);
    const auto a = open_model(plain), b = open_model(trained);
    for (const TensorView& t : a->files().tensors()->tensors()) {
      INFO(name << ": " << t.name);
      const TensorView* u = b->files().tensors()->find(t.name);
      REQUIRE(u);
      CHECK(u->dtype == t.dtype);
      const bool less_one = name == "gemma3.gguf" && t.name.find("norm") != t.name.npos;
      const std::vector<float> v = model::float_values(t), w = model::float_values(*u);
      REQUIRE(v.size() == w.size());
      for (size_t i = 0; i < v.size(); ++i) {
        // 1 + v was rounded once where the file has it.
        const float want = less_one ? 2 * v[i] + 1 : 2 * v[i];
        REQUIRE(std::abs(w[i] - want) <= (less_one ? 1e-6f * std::abs(2 + want) : 0));
      }
    }
  }
}

TEST_CASE("a GGUF of llama.cpp's converter and ours of the same folder are one model") {
  const std::string folder = nalar::test::temporary_folder();
  for (const std::string& name : golden_folders()) {
    if (!std::filesystem::exists(golden_model(name) + ".gguf")) continue;
    const std::string ours = convert(golden_model(name), folder + "/" + name + ".gguf");
    const auto theirs = ModelFiles::open(golden_model(name) + ".gguf"),
               file = ModelFiles::open(ours);
    for (const TensorView& t : theirs->tensors()->tensors()) {
      INFO(name << ": " << t.name);
      const TensorView* u = file->tensors()->find(t.name);
      REQUIRE(u);
      CHECK(u->shape == t.shape);
      if (t.name != "rope_freqs.weight") {
        CHECK(std::memcmp(t.bytes.data(), u->bytes.data(), t.bytes.size()) == 0);
      }
    }
    check_same_tensors(golden_model(name),
                       convert(golden_model(name) + ".gguf", folder + "/" + name));
  }
}

}  // namespace nalar::convert::test
