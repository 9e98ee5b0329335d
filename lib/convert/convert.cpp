#include <fmt/format.h>
#include <nalar/convert.h>
#include <nalar/error.h>
#include <nalar/log.h>

#include <algorithm>

#include "convert/gguf_form.h"
#include "convert/hf_form.h"
#include "convert/merge.h"
#include "convert/output.h"
#include "io/folder_file.h"
#include "kernels/isa.h"

namespace nalar {
namespace {

// Neither the source itself nor one of its files may be written over.
void check_paths(const Model& model, const std::string& out) {
  io::FileSystem& files = io::file_system();
  if (files.kind(out) == io::PathKind::missing) return;
  const std::string there = files.canonical(out);
  std::vector<std::string> sources = model.files().weight_paths();
  sources.push_back(model.files().path());
  for (const std::string& source : sources) {
    if (files.canonical(source) == there) {
      throw Error(ErrorKind::usage, fmt::format("the output {} is the input", out));
    }
  }
}

ConvertResult result_of(convert::Written written, size_t tensors,
                        std::vector<std::string> left_out) {
  ConvertResult result;
  result.files = std::move(written.files);
  result.tensors = static_cast<int64_t>(tensors);
  result.bytes = written.bytes;
  result.left_out = std::move(left_out);
  return result;
}

void tell_merged(const convert::Merged& merged) {
  if (merged.unties_head) {
    notice(
        "the adapter changes the embedding or the head, which were one: they are two tensors "
        "now");
  }
  if (merged.requantized > 0) {
    notice(
        fmt::format("{} tensors are quantized anew: each loses as much again as quantizing it "
                    "the first time did",
                    merged.requantized));
  }
}

template <typename Form>
convert::Merged merge(const Model& model, const ConvertOptions& options, std::string head_name,
                      Form& form) {
  convert::Merged merged = convert::merge_adapters(
      model, options.adapters, {options.allow_requantize, std::move(head_name)}, form.tensors);
  tell_merged(merged);
  convert::tell(form.notices, form.left_out);
  return merged;
}

ConvertResult to_gguf(const Model& model, const std::string& out, const ConvertOptions& options,
                      const ConvertControl& control) {
  convert::GgufForm form = convert::gguf_form(model, options.dtype, !options.adapters.empty());
  merge(model, options, "output.weight", form);
  convert::TensorOutput output(model.files(), options.threads, control,
                               static_cast<int64_t>(form.tensors.size()));
  return result_of(
      convert::write_gguf_files(io::file_system(), out, form, options.split_bytes, output),
      form.tensors.size(), std::move(form.left_out));
}

ConvertResult to_hf(const Model& model, const std::string& out, const ConvertOptions& options,
                    const ConvertControl& control) {
  convert::HfForm form = convert::hf_form(model, options.dtype);
  if (merge(model, options, "lm_head.weight", form).unties_head) {
    form.config.set("tie_word_embeddings", false);
  }
  convert::TensorOutput output(model.files(), options.threads, control,
                               static_cast<int64_t>(form.tensors.size()));
  return result_of(
      convert::write_hf_folder(io::file_system(), out, form, options.split_bytes, output),
      form.tensors.size(), std::move(form.left_out));
}

}  // namespace

void ConvertOptions::validate() const {
  if (to != ConvertTarget::gguf && to != ConvertTarget::hf) {
    throw Error(ErrorKind::usage, "a model becomes gguf or hf");
  }
  const bool plain =
      !dtype || *dtype == DType::f32 || *dtype == DType::f16 || *dtype == DType::bf16;
  if (!plain) {
    throw Error(ErrorKind::usage, fmt::format("got type {}, need f32, f16 or bf16", name(*dtype)),
                "nalar quantize");
  }
  if (split_bytes && *split_bytes < 1)
    throw Error(ErrorKind::usage, "a split size must be positive");
  if (allow_requantize && adapters.empty()) {
    throw Error(ErrorKind::usage, "--allow-requantize needs --adapter");
  }
  if (threads < 1) throw Error(ErrorKind::usage, "there must be a thread");
}

ConvertResult convert_model(std::shared_ptr<const Model> model, const std::string& out,
                            const ConvertOptions& options, const ConvertControl& control) {
  options.validate();
  kernels::chosen_isa();  // a bad NALAR_ISA is told here: the encoders cannot
  check_paths(*model, out);
  return io::in_file(model->files().path(), [&] {
    return options.to == ConvertTarget::gguf ? to_gguf(*model, out, options, control)
                                             : to_hf(*model, out, options, control);
  });
}

}  // namespace nalar
