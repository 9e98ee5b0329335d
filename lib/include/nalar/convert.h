#pragma once

#include <nalar/adapter.h>
#include <nalar/dtype.h>
#include <nalar/export.h>
#include <nalar/json.h>
#include <nalar/model.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nalar {

enum class ConvertTarget {
  gguf,          // a model as one GGUF file, or a split set
  hf,            // a model as a Hugging Face folder
  peft,          // an adapter as a PEFT folder
  gguf_adapter,  // an adapter as llama.cpp's GGUF
};

struct ConvertOptions {
  ConvertTarget to = ConvertTarget::gguf;
  // F32, F16, BF16; none: as the source has it. A folder has no quantized types: F16 then, but for
  // gemma3 BF16, since its activations leave the range of F16.
  std::optional<DType> dtype;
  std::vector<AdapterUse> adapters;  // merged: W + Σ scale · B A, in fp32
  std::optional<int64_t> split_bytes;
  bool allow_requantize = false;  // merging keeps a quantized base's types by quantizing anew
  int threads = 1;

  NALAR_API void validate() const;  // of a model's
};

struct ConvertEvent {
  std::string_view what;  // a tensor's name
  int64_t done = 0, total = 0;
};
struct ConvertControl {
  std::function<bool(const ConvertEvent&)> on_event;  // false stops: Error(try_again)
};

struct ConvertResult {
  std::vector<std::string> files;
  int64_t tensors = 0, bytes = 0;
  // What the source had and the result does not, each named.
  std::vector<std::string> left_out;
  // Model::unknown_tensors(), which are there under their names and in their types.
  std::vector<std::string> kept;
};

// A model in another form. The result is whole or absent. Errors: usage; bad_data; policy;
// cannot_create; io; try_again.
NALAR_API ConvertResult convert_model(std::shared_ptr<const Model> model, const std::string& out,
                                      const ConvertOptions& options,
                                      const ConvertControl& control = {});
// An adapter (opened for its base) in another form.
NALAR_API ConvertResult convert_adapter(const Adapter& adapter, const Model& base,
                                        const std::string& out, const ConvertOptions& options);

}  // namespace nalar
