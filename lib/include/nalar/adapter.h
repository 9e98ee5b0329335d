#pragma once

#include <nalar/export.h>
#include <nalar/model.h>
#include <nalar/token.h>

#include <memory>
#include <string>
#include <vector>

namespace nalar {

namespace model {
struct LoraAdapter;
}

// An adapter as a file: LoRA matrices for Linears of a base model, opened from a PEFT folder
// (adapter_config.json, adapter_model.safetensors), with what its run.json says, or from
// llama.cpp's GGUF. Immutable.
class NALAR_API Adapter {
 public:
  explicit Adapter(std::string path, model::LoraAdapter lora);
  ~Adapter();

  const std::string& path() const { return path_; }
  const model::LoraAdapter& lora() const { return *lora_; }
  int64_t n_parameters() const;
  // The tokens that end a turn, as the run.json beside it names them; may be empty.
  const std::vector<TokenId>& end_tokens() const { return end_tokens_; }
  // Why it may not be for this base (its run.json records another one), or "".
  const std::string& base_notice() const { return base_notice_; }

 private:
  friend std::shared_ptr<const Adapter> open_adapter(const std::string& path, const Model& base);
  std::string path_;
  std::unique_ptr<const model::LoraAdapter> lora_;
  std::vector<TokenId> end_tokens_;
  std::string base_notice_;
};

// One of the adapters of an engine and what its part is multiplied by, beside its own alpha / r.
struct AdapterUse {
  std::shared_ptr<const Adapter> adapter;
  float scale = 1;
};

// Errors: no_input; policy (pickle files alone); bad_data: a key out of its range, a tensor that
// does not fit the base, a value that is not finite, a method we don't know: each by its name.
NALAR_API std::shared_ptr<const Adapter> open_adapter(const std::string& path, const Model& base);

}  // namespace nalar
