#include <nalar/json.h>
#include <nalar/model_config.h>

#include <cmath>

#include "fuzz/fuzz.h"
#include "io/gguf_reader.h"
#include "io/tensor_file.h"
#include "model/families/family.h"
#include "model/generation_defaults.h"
#include "model/rope_frequencies.h"

namespace nalar::fuzz {
namespace {

// The tensors of one parsed file, looked up one by one.
class Tensors : public io::TensorFile {
 public:
  explicit Tensors(std::vector<TensorView> tensors) : tensors_(std::move(tensors)) {}

  const std::vector<TensorView>& tensors() const override { return tensors_; }
  const TensorView* find(std::string_view name) const override {
    for (const TensorView& t : tensors_) {
      if (t.name == name) return &t;
    }
    return nullptr;
  }

 private:
  std::vector<TensorView> tensors_;
};

// What an engine takes for granted once validate() has passed.
void use(const ModelConfig& config) {
  config.validate();
  for (const LayerSpec& layer : config.layers) {
    if (!layer.attention.rope) continue;
    const model::RopeFrequencies ropes = model::rope_frequencies(*layer.attention.rope);
    need(std::isfinite(ropes.attention_factor), "the attention factor is finite");
    for (const float f : ropes.inverse) need(std::isfinite(f), "frequencies are finite");
  }
}

void read_gguf(std::string_view input) {
  io::GgufFile file = io::parse_gguf(as_bytes(input));
  const Tensors tensors(std::move(file.tensors));
  model::GgufConfig config(file.metadata, tensors);
  const ModelConfig model = model::family_of_gguf(config).from_gguf(config);
  config.finish();
  model::read_sampling_keys(file.metadata);
  use(model);
}

void read_hf(std::string_view input) {
  const Json json = parse_json(input);
  if (!json.is_object()) return;
  model::HfConfig config(json);
  const ModelConfig model = model::family_of_hf(config).from_hf(config);
  config.finish_model();
  model::generation_of_config(json, model.vocab_size);
  model::read_generation_config(input, model.vocab_size);
  use(model);
}

}  // namespace

// A GGUF file or a config.json, told by the first byte.
void one(std::string_view input) {
  if (input.empty() || input.front() != 'G') {
    read_hf(input);
  } else {
    read_gguf(input);
  }
}

}  // namespace nalar::fuzz
