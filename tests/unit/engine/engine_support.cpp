#include "engine_support.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <random>

#include "base/rng.h"
#include "engine/cpu_engine.h"
#include "io/safetensors_reader.h"
#include "model/lora.h"
#include "support/catch.h"
#include "support/material.h"

namespace nalar::engine::test {

namespace {

using model::LoraAdapter;
using model::TensorRole;

// An adapter whose B is not zero.
std::shared_ptr<const Adapter> random_adapter(const Model& base, model::LoraConfig config,
                                              uint64_t seed) {
  LoraAdapter lora = model::make_adapter(config, base, seed);
  uint64_t stream = 100;
  for (model::LoraModule& module : lora.modules) {
    for (std::vector<float>* values : {&module.a, &module.b}) {
      ++stream;
      for (size_t i = 0; i < values->size(); ++i) {
        (*values)[i] = static_cast<float>(base::uniform(seed, stream, i) - 0.5) * 0.5f;
      }
    }
  }
  return std::make_shared<Adapter>("random", std::move(lora));
}

}  // namespace

std::unique_ptr<Engine> engine_of(std::shared_ptr<const Model> model, const Case& c,
                                  std::vector<AdapterUse> adapters) {
  EngineOptions options;
  options.adapters = std::move(adapters);
  options.threads = c.threads;
  options.compute = c.compute;
  options.prefill_chunk = c.chunk;
  return make_cpu_engine(std::move(model), options, c.isa);
}

Logits forward(Engine& engine, SequenceId sequence, const Ids& ids,
               const std::vector<int32_t>& rows) {
  const int64_t vocab = engine.config().vocab_size, n = static_cast<int64_t>(rows.size());
  Logits logits(static_cast<size_t>(n * vocab), -12345.0f);
  const Slice slice{sequence, ids, rows};
  engine.forward({&slice, 1}, {logits.data(), n, vocab, vocab});
  return logits;
}

Logits forward(Engine& engine, SequenceId sequence, const Ids& ids) {
  std::vector<int32_t> rows(ids.size());
  std::iota(rows.begin(), rows.end(), 0);
  return forward(engine, sequence, ids, rows);
}

Logits forward_cut(Engine& engine, const Ids& ids, const std::vector<size_t>& pieces) {
  const SequenceId sequence = engine.create();
  Logits all;
  size_t at = 0;
  const auto take = [&](size_t n) {
    n = std::min(n, ids.size() - at);
    if (n == 0) return;
    const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(at);
    const Logits part =
        forward(engine, sequence, Ids(begin, begin + static_cast<std::ptrdiff_t>(n)));
    all.insert(all.end(), part.begin(), part.end());
    at += n;
  };
  for (const size_t n : pieces) take(n);
  take(ids.size());
  engine.release(sequence);
  return all;
}

Ids random_ids(size_t n, int vocab_size, uint32_t seed) {
  std::mt19937 random(seed);
  Ids ids(n);
  for (TokenId& id : ids) id = static_cast<TokenId>(random() % static_cast<uint32_t>(vocab_size));
  return ids;
}

bool same_bits(const Logits& a, const Logits& b) {
  if (a.size() != b.size()) return false;
  return a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

Logits rows_of(const Logits& logits, int vocab_size, size_t begin, size_t end) {
  const auto at = [&](size_t row) {
    return logits.begin() + static_cast<std::ptrdiff_t>(row * static_cast<size_t>(vocab_size));
  };
  return Logits(at(begin), at(end));
}

std::vector<std::string> golden_models() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(nalar::test::golden("models"))) {
    const bool gguf = entry.path().extension() == ".gguf";
    if (gguf || entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  REQUIRE(names.size() >= 10);
  return names;
}

Reference read_reference(const std::string& path) {
  const std::string bytes = nalar::test::read_text(path);
  const auto file = io::parse_safetensors(std::as_bytes(std::span(bytes)));
  Reference reference;
  const auto read = [&](const std::string& name, auto& list) {
    for (const TensorView& t : file.tensors) {
      if (t.name != name) continue;
      auto& values = list.emplace_back(static_cast<size_t>(t.elements()));
      std::memcpy(values.data(), t.bytes.data(), t.bytes.size());
      return true;
    }
    return false;
  };
  for (int i = 0; read("ids_" + std::to_string(i), reference.ids); ++i) {
    REQUIRE(read("logits_" + std::to_string(i), reference.logits));
  }
  REQUIRE(!reference.ids.empty());
  return reference;
}

SequenceId base_sequence(Engine& engine) {
  SequenceOptions options;
  options.adapted = false;
  return engine.create(options);
}

float largest(const Logits& logits) {
  float m = 0;
  for (const float x : logits) m = std::max(m, std::fabs(x));
  return m;
}

float worst_difference(const Logits& a, const Logits& b) {
  REQUIRE(a.size() == b.size());
  float worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const float d = std::fabs(a[i] - b[i]);
    worst = d > worst || d != d ? d : worst;
  }
  return worst;
}

std::shared_ptr<const Adapter> full_adapter(const Model& base, uint64_t seed) {
  model::LoraConfig config;
  config.rank = 5;
  config.alpha = 4;
  config.targets = {"all-linear", "embed_tokens", "lm_head"};
  return random_adapter(base, config, seed);
}

std::shared_ptr<const Adapter> saving_adapter(const Model& base) {
  model::LoraConfig config;
  config.rank = 3;
  config.alpha = 3;
  config.targets = {"layers.0.self_attn.v_proj"};
  LoraAdapter lora = random_adapter(base, config, 4)->lora();
  for (const model::LoraTarget& target : model::adaptable(base.config())) {
    const bool wanted = target.name.role == TensorRole::head ||
                        target.name.role == TensorRole::embedding ||
                        target.name == model::TensorName{TensorRole::k, 1};
    if (!wanted) continue;
    model::SavedTensor saved{target.name, {target.out, target.in}, {}};
    if (target.name.role == TensorRole::embedding) std::swap(saved.shape[0], saved.shape[1]);
    saved.values.resize(static_cast<size_t>(target.in * target.out));
    for (size_t i = 0; i < saved.values.size(); ++i) {
      saved.values[i] = static_cast<float>(base::uniform(7, lora.saved.size(), i) - 0.5) * 0.2f;
    }
    lora.saved.push_back(std::move(saved));
  }
  return std::make_shared<Adapter>("saving", std::move(lora));
}

}  // namespace nalar::engine::test
