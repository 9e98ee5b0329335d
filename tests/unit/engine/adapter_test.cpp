#include <nalar/adapter.h>
#include <nalar/error.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "base/rng.h"
#include "engine_support.h"
#include "io/safetensors_reader.h"
#include "memory_model.h"
#include "model/lora.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"

namespace nalar::engine::test {
namespace {

using model::LoraAdapter;
using model::TensorRole;
namespace fs = std::filesystem;

// ids and logits that PEFT made.
struct PeftReference {
  Ids ids;
  Logits logits;
};

PeftReference read_peft_reference(const std::string& path) {
  const std::string bytes = nalar::test::read_text(path);
  PeftReference reference;
  for (const TensorView& tensor : io::parse_safetensors(std::as_bytes(std::span(bytes))).tensors) {
    const auto copy = [&](auto& to) {
      to.resize(static_cast<size_t>(tensor.elements()));
      std::memcpy(to.data(), tensor.bytes.data(), tensor.bytes.size());
    };
    tensor.name == "ids" ? copy(reference.ids) : copy(reference.logits);
  }
  return reference;
}

Ids prompt(const Model& model) {
  const int n = std::min(100, model.config().n_ctx_train);
  return random_ids(static_cast<size_t>(n), model.config().vocab_size, 3);
}

kernels::Isa best_isa() { return kernels::available_isas().back(); }

}  // namespace

TEST_CASE("adapters that PEFT wrote give PEFT's logits, on Hugging Face's folder and on GGUF") {
  int cases = 0;
  for (const fs::path& base : fs::directory_iterator(nalar::test::golden("adapters"))) {
    const std::string name = base.filename().string();
    const std::string folder = nalar::test::golden("models/" + name);
    for (const std::string& path : {folder, folder + ".gguf"}) {
      if (!fs::exists(path)) continue;
      const auto model = open_model(path);
      for (const fs::path& adapter : fs::directory_iterator(base)) {
        if (!fs::is_directory(adapter)) continue;
        INFO(path << " with " << adapter.filename().string());
        const auto reference = read_peft_reference((adapter / "reference.safetensors").string());
        const auto opened = open_adapter(adapter.string(), *model);
        CHECK(opened->end_tokens().empty());
        CHECK(opened->base_notice().empty());
        const auto engine = engine_of(model, {1, Compute::fp32, 512, best_isa()}, {{opened, 1}});
        const Logits got = forward(*engine, engine->create(), reference.ids);
        CHECK(worst_difference(got, reference.logits) <= 1e-4f * largest(reference.logits));
        const Logits base_logits = forward(*engine, base_sequence(*engine), reference.ids);
        CHECK(worst_difference(base_logits, reference.logits) > 1e-2f * largest(reference.logits));
        ++cases;
      }
    }
  }
  CHECK(cases >= 20);
}

TEST_CASE("two adapters of PEFT's, each with a scale") {
  const std::string folder = nalar::test::golden("adapters/llama-llama3");
  const auto reference = read_peft_reference(folder + "/two.safetensors");
  for (const char* name : {"models/llama-llama3", "models/llama-llama3.gguf"}) {
    const auto model = open_model(nalar::test::golden(name));
    const auto engine = engine_of(model, {2, Compute::fp32, 512, best_isa()},
                                  {{open_adapter(folder + "/plain", *model), 0.75f},
                                   {open_adapter(folder + "/rslora", *model), -1.5f}});
    const Logits got = forward(*engine, engine->create(), reference.ids);
    CHECK(worst_difference(got, reference.logits) <= 1e-4f * largest(reference.logits));
  }
}

TEST_CASE("an adapted matrix is W + scale · B A, a saved one is taken as it is") {
  const auto model = open_model(nalar::test::golden("models/qwen2-bias"));
  const auto adapter = saving_adapter(*model);
  // What is saved does not change when it is saved as the base has it.
  LoraAdapter copy = adapter->lora();
  copy.modules.clear();
  for (model::SavedTensor& saved : copy.saved) {
    const Weights& w = model->weights();
    const TensorView& view = saved.target.role == TensorRole::head        ? w.head
                             : saved.target.role == TensorRole::embedding ? w.embedding
                                                                          : w.layers[1].k;
    std::memcpy(saved.values.data(), view.bytes.data(), view.bytes.size());
  }
  const Case c{1, Compute::fp32, 512, best_isa()};
  const Ids ids = prompt(*model);
  const auto plain = engine_of(model, c);
  const auto same = engine_of(model, c, {{std::make_shared<Adapter>("", copy), 1}});
  const auto other = engine_of(model, c, {{adapter, 1}});
  const Logits want = forward(*plain, plain->create(), ids);
  CHECK(same_bits(forward(*same, same->create(), ids), want));
  CHECK_FALSE(same_bits(forward(*other, other->create(), ids), want));

  // A bias, which is saved beside its matrix, too.
  const TensorView& bias = model->weights().layers[1].k_bias;
  std::vector<float> values(bias.bytes.size() / sizeof(float));
  std::memcpy(values.data(), bias.bytes.data(), bias.bytes.size());
  copy.saved.push_back({{TensorRole::k_bias, 1}, bias.shape, values});
  const auto same_bias = engine_of(model, c, {{std::make_shared<Adapter>("", copy), 1}});
  CHECK(same_bits(forward(*same_bias, same_bias->create(), ids), want));
  copy.saved.back().values[0] += 1;
  const auto other_bias = engine_of(model, c, {{std::make_shared<Adapter>("", copy), 1}});
  CHECK_FALSE(same_bits(forward(*other_bias, other_bias->create(), ids), want));
}

TEST_CASE(
    "bits of an adapted sequence do not depend on threads, cuts, the instruction set or its "
    "neighbours") {
  for (const bool tied : {true, false}) {
    const auto model = make_memory_model(tied);
    const std::vector<AdapterUse> uses = {
        {full_adapter(*model, 1), 1}, {full_adapter(*model, 2), 0.5f}, {saving_adapter(*model), 1}};
    const Ids ids = prompt(*model);
    const Case best{1, Compute::automatic, 512, best_isa()};
    const auto engine = engine_of(model, best, uses);
    const Logits want = forward_cut(*engine, ids, {});
    for (const float x : want) REQUIRE(std::isfinite(x));
    const auto plain = engine_of(model, best);
    const Logits base = forward_cut(*plain, ids, {});
    CHECK_FALSE(same_bits(base, want));

    CHECK(same_bits(forward(*engine, base_sequence(*engine), ids), base));
    CHECK(same_bits(forward_cut(*engine, ids, std::vector<size_t>(ids.size(), 1)), want));
    for (const Case& c :
         {Case{2, Compute::automatic, 31, best_isa()}, Case{3, Compute::automatic, 512, best_isa()},
          Case{2, Compute::automatic, 64, kernels::Isa::scalar}}) {
      INFO("tied " << tied << ", threads " << c.threads << ", chunk " << c.chunk);
      CHECK(same_bits(forward_cut(*engine_of(model, c, uses), ids, {40, 1, 1}), want));
    }

    // Adapted and not, in one call, with forks of both.
    const int vocab_size = model->config().vocab_size;
    std::vector<SequenceId> sequences;
    for (int i = 0; i < 4; ++i) {
      const bool adapted = i % 2 == 0;
      const SequenceId from = adapted ? engine->create() : base_sequence(*engine);
      forward(*engine, from, {ids.begin(), ids.begin() + 20});
      sequences.push_back(engine->fork(from, 20 - i));
    }
    std::vector<Slice> slices;
    std::vector<Ids> tails;
    std::vector<std::vector<int32_t>> rows;
    for (size_t i = 0; i < 4; ++i) {
      tails.emplace_back(ids.begin() + 20 - static_cast<ptrdiff_t>(i), ids.end());
      rows.push_back({0, static_cast<int32_t>(tails.back().size()) - 1});
    }
    for (size_t i = 0; i < 4; ++i) slices.push_back({sequences[i], tails[i], rows[i]});
    Logits got(static_cast<size_t>(8 * vocab_size));
    engine->forward(slices, {got.data(), 8, vocab_size, vocab_size});
    for (size_t i = 0; i < 4; ++i) {
      const Logits& all = i % 2 == 0 ? want : base;
      INFO("sequence " << i);
      CHECK(same_bits(rows_of(got, vocab_size, 2 * i, 2 * i + 1),
                      rows_of(all, vocab_size, 20 - i, 21 - i)));
      CHECK(same_bits(rows_of(got, vocab_size, 2 * i + 1, 2 * i + 2),
                      rows_of(all, vocab_size, ids.size() - 1, ids.size())));
    }
  }
}

TEST_CASE("an adapter that has not learned anything changes nothing") {
  const auto model = make_memory_model(true);
  model::LoraConfig config;
  config.rank = 4;
  const auto fresh = std::make_shared<Adapter>("", model::make_adapter(config, *model, 1));
  const Case c{1, Compute::automatic, 512, best_isa()};
  const Ids ids = prompt(*model);
  const auto plain = engine_of(model, c);
  const auto adapted = engine_of(model, c, {{fresh, 1}});
  CHECK(forward(*plain, plain->create(), ids) == forward(*adapted, adapted->create(), ids));
  CHECK(adapted->memory().weights > plain->memory().weights);
}

TEST_CASE("adapters that do not go together or with the model") {
  using nalar::test::error_of;
  const auto model = open_model(nalar::test::golden("models/qwen2-bias"));
  const auto other = make_memory_model(false);
  const auto saving = saving_adapter(*model);
  const auto open = [&](std::vector<AdapterUse> uses) {
    return error_of([&] { engine_of(model, {}, uses); });
  };
  CHECK(open({{full_adapter(*other, 1), 1}}) == "adapter random: was opened for another model");
  CHECK(open({{saving, 0.5f}}) ==
        "adapter saving: got scale 0.5, need 1: it has whole tensors in place of the base's");
  CHECK(open({{saving, 1}, {saving, 1}}) ==
        "adapter saving: replaces model.embed_tokens as saving does");
}

}  // namespace nalar::engine::test
