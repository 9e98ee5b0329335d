#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/model.h>

#include "io/gguf_metadata.h"
#include "io/tensor_file.h"
#include "model/families/family.h"
#include "model/generation_defaults.h"
#include "model/weights.h"

namespace nalar {
namespace {

// Runs `read`; its errors are those of the file at `path`.
template <typename F>
auto in_file(const std::string& path, F&& read) {
  try {
    return read();
  } catch (const Error& e) {
    throw e.in_file(path);
  }
}

void check_count(const io::GgufMetadata& metadata, std::string_view key, int64_t rows) {
  const io::GgufValue* list = metadata.find(key);
  if (!list || static_cast<int64_t>(list->count) == rows) return;
  throw Error(
      ErrorKind::bad_data,
      fmt::format("vocabulary size mismatch (key {}): got {} entries, need {}, one for each "
                  "row of token_embd.weight",
                  key, list->count, rows));
}

std::shared_ptr<const Model> with_weights(std::shared_ptr<const ModelFiles> files,
                                          ModelConfig config, const model::TensorNaming& naming,
                                          const OpenOptions& options) {
  const io::TensorFile& tensors = *files->tensors();
  Weights weights = model::bind_weights(config, tensors, naming);
  std::vector<TensorView> unknown = model::unknown_tensors(config, weights, tensors, naming);
  if (!unknown.empty() && !options.keep_unknown_tensors) {
    model::refuse_unknown(unknown, config.family);
  }
  return std::make_shared<Model>(std::move(files), std::move(config), std::move(weights),
                                 std::move(unknown));
}

std::shared_ptr<const Model> open_gguf(std::shared_ptr<const ModelFiles> files,
                                       const OpenOptions& options) {
  const io::GgufMetadata& metadata = *files->gguf();
  model::GgufConfig reader(metadata, *files->tensors());
  ModelConfig config = model::family_of_gguf(reader).from_gguf(reader);
  reader.finish();
  config.name = metadata.string("general.name").value_or("");
  config.generation = model::read_sampling_keys(metadata);
  config.validate();
  for (const std::string_view key :
       {"tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type"}) {
    check_count(metadata, key, config.vocab_size);
  }
  return with_weights(std::move(files), std::move(config),
                      model::TensorNaming(model::NameScheme::gguf), options);
}

// What Hugging Face calls the model, without the folders or the owner in front of it.
std::string short_name(std::string_view name) {
  return std::string(name.substr(name.rfind('/') + 1));
}

ModelConfig read_hf_config(const ModelFiles& files) {
  const auto text = files.file("config.json");
  if (!text) throw Error(ErrorKind::bad_data, "is missing");
  const Json json = parse_json(*text);
  if (!json.is_object()) {
    throw Error(ErrorKind::bad_data, fmt::format("got {}, need an object", json.kind_name()));
  }
  model::HfConfig reader(json);
  ModelConfig config = model::family_of_hf(reader).from_hf(reader);
  reader.finish_model();
  config.name = short_name(reader.text("_name_or_path", ""));
  config.generation = model::generation_of_config(json, config.vocab_size);
  config.validate();
  return config;
}

GenerationDefaults read_generation(const ModelFiles& files, const ModelConfig& config) {
  constexpr std::string_view kFile = "generation_config.json";
  const auto text = files.file(kFile);
  if (!text) return config.generation;
  GenerationDefaults defaults = in_file(files.path_of(kFile), [&] {
    return model::read_generation_config(*text, config.vocab_size);
  });
  if (defaults.eos_ids.empty()) defaults.eos_ids = config.generation.eos_ids;
  return defaults;
}

// The text part of a model that sees has a longer name in front of its tensors.
model::TensorNaming hf_naming(const ModelConfig& config, const io::TensorFile& tensors) {
  const bool sandwich = config.layers.front().attention_post_norm.has_value();
  const auto scheme = sandwich ? model::NameScheme::hf_sandwich : model::NameScheme::hf;
  for (const std::string_view root : {"language_model.model.", "model.language_model."}) {
    const model::TensorNaming naming(scheme, root);
    if (tensors.find(naming.name({model::TensorRole::embedding}))) return naming;
  }
  return model::TensorNaming(scheme);
}

std::shared_ptr<const Model> open_hf(std::shared_ptr<const ModelFiles> files,
                                     const OpenOptions& options) {
  ModelConfig config =
      in_file(files->path_of("config.json"), [&] { return read_hf_config(*files); });
  config.generation = read_generation(*files, config);
  const model::TensorNaming naming = hf_naming(config, *files->tensors());
  return with_weights(std::move(files), std::move(config), naming, options);
}

}  // namespace

std::shared_ptr<const Model> open_model(std::shared_ptr<const ModelFiles> files,
                                        const OpenOptions& options) {
  const std::string path = files->path();
  return in_file(path, [&] {
    const io::TensorFile* tensors = files->tensors();
    if (!tensors || tensors->tensors().empty()) {
      throw Error(ErrorKind::no_input, "holds no weights, only a tokenizer or a template");
    }
    return files->format() == ModelFormat::gguf ? open_gguf(std::move(files), options)
                                                : open_hf(std::move(files), options);
  });
}

std::shared_ptr<const Model> open_model(const std::string& path, const OpenOptions& options) {
  return open_model(ModelFiles::open(path, options), options);
}

}  // namespace nalar
