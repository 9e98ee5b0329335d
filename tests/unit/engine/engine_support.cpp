#include "engine_support.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <random>

#include "engine/cpu_engine.h"
#include "io/safetensors_reader.h"
#include "support/catch.h"
#include "support/material.h"

namespace nalar::engine::test {

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

}  // namespace nalar::engine::test
