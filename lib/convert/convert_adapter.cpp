#include <fmt/format.h>
#include <nalar/convert.h>
#include <nalar/error.h>
#include <nalar/log.h>

#include "convert/output.h"
#include "io/folder_file.h"
#include "model/lora_gguf.h"

namespace nalar {
namespace {

ConvertResult result_of(const model::LoraAdapter& lora, const Adapter& adapter) {
  ConvertResult result;
  result.tensors = static_cast<int64_t>(2 * lora.modules.size() + lora.saved.size());
  result.bytes = adapter.n_parameters() * static_cast<int64_t>(sizeof(float));
  return result;
}

ConvertResult to_peft(const Adapter& adapter, const Model& base, const std::string& out) {
  ConvertResult result = result_of(adapter.lora(), adapter);
  result.files = convert::write_peft_folder(io::file_system(), out, adapter.lora(), base);
  return result;
}

ConvertResult to_gguf(const Adapter& adapter, const Model& base, const std::string& out) {
  ConvertResult result = result_of(adapter.lora(), adapter);
  const model::GgufAdapter form = model::gguf_adapter(adapter.lora(), base);
  if (!form.folded.empty()) {
    notice(
        fmt::format("the scales of {} modules ({}, …) differ from what one alpha says: they are "
                    "multiplied into lora_b, which rounds",
                    form.folded.size(), form.folded.front()));
  }
  if (!adapter.end_tokens().empty()) {
    result.left_out.emplace_back("the end tokens of run.json");
    notice("left out: " + result.left_out.back());
  }
  result.files = convert::write_gguf_adapter(io::file_system(), out, form);
  return result;
}

}  // namespace

ConvertResult convert_adapter(const Adapter& adapter, const Model& base, const std::string& out,
                              const ConvertOptions& options) {
  io::FileSystem& files = io::file_system();
  if (files.kind(out) != io::PathKind::missing &&
      files.canonical(out) == files.canonical(adapter.path())) {
    throw Error(ErrorKind::usage, fmt::format("the output {} is the input", out));
  }
  if (options.dtype && *options.dtype != DType::f32) {
    throw Error(ErrorKind::usage, "an adapter is written in F32");
  }
  if (options.allow_requantize) {
    throw Error(ErrorKind::usage, "--allow-requantize: an adapter is not quantized");
  }
  if (options.split_bytes) throw Error(ErrorKind::usage, "an adapter is not split");
  return io::in_file(adapter.path(), [&] {
    return options.to == ConvertTarget::peft ? to_peft(adapter, base, out)
                                             : to_gguf(adapter, base, out);
  });
}

}  // namespace nalar
