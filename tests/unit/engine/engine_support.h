#pragma once

#include <nalar/engine.h>

#include <memory>
#include <string>
#include <vector>

#include "kernels/isa.h"

namespace nalar::engine::test {

using Ids = std::vector<TokenId>;
using Logits = std::vector<float>;  // rows of the vocabulary's size

struct Case {
  int threads = 1;
  Compute compute = Compute::fp32;
  int chunk = 512;
  kernels::Isa isa = kernels::Isa::scalar;
};
std::unique_ptr<Engine> engine_of(std::shared_ptr<const Model> model, const Case& c,
                                  std::vector<AdapterUse> adapters = {});

// Appends ids to the sequence; logits of all of them, or of `rows`.
Logits forward(Engine& engine, SequenceId sequence, const Ids& ids);
Logits forward(Engine& engine, SequenceId sequence, const Ids& ids,
               const std::vector<int32_t>& rows);
// Of a new sequence, in pieces of these lengths; what they leave is the last piece.
Logits forward_cut(Engine& engine, const Ids& ids, const std::vector<size_t>& pieces);

Ids random_ids(size_t n, int vocab_size, uint32_t seed);
bool same_bits(const Logits& a, const Logits& b);
// Rows [begin, end) of them.
Logits rows_of(const Logits& logits, int vocab_size, size_t begin, size_t end);

// Names of the models of tests/golden/models, folders and .gguf files.
std::vector<std::string> golden_models();
// reference.safetensors of a golden model: ids_0 … and logits_0 ….
struct Reference {
  std::vector<Ids> ids;
  std::vector<Logits> logits;
};
Reference read_reference(const std::string& path);

}  // namespace nalar::engine::test
