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
#include "model/weights.h"

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

// What convert_model was asked for.
struct Job {
  const Model& model;
  const std::string& out;
  const ConvertOptions& options;
  const ConvertControl& control;
};

void tell_kept(const Job& job) {
  const std::vector<TensorView>& kept = job.model.unknown_tensors();
  if (kept.empty()) return;
  notice(
      model::describe_kept(kept, job.model.config().family, job.options.to == ConvertTarget::gguf));
}

template <typename Form>
convert::Merged merge(const Job& job, std::string head_name, Form& form) {
  convert::Merged merged =
      convert::merge_adapters(job.model, job.options.adapters,
                              {job.options.allow_requantize, std::move(head_name)}, form.tensors);
  tell_merged(merged);
  tell_kept(job);
  convert::tell(form.notices, form.left_out);
  return merged;
}

// `write`: write_gguf_files or write_hf_folder.
template <typename Form, typename Write>
ConvertResult write_form(const Job& job, Form& form, Write&& write) {
  ConvertResult result;
  result.tensors = static_cast<int64_t>(form.tensors.size());
  for (const convert::FormTensor& tensor : form.tensors) result.bytes += byte_size(tensor);
  convert::TensorOutput output(job.model.files(), job.options.threads, job.control, result.tensors);
  result.files = write(io::file_system(), job.out, form, job.options.split_bytes, output);
  result.left_out = std::move(form.left_out);
  for (const TensorView& view : job.model.unknown_tensors()) result.kept.emplace_back(view.name);
  return result;
}

ConvertResult to_gguf(const Job& job) {
  convert::GgufForm form =
      convert::gguf_form(job.model, job.options.dtype, !job.options.adapters.empty());
  merge(job, "output.weight", form);
  return write_form(job, form, convert::write_gguf_files);
}

ConvertResult to_hf(const Job& job) {
  convert::HfForm form = convert::hf_form(job.model, job.options.dtype);
  if (merge(job, "lm_head.weight", form).unties_head) convert::untie_head(form.config);
  return write_form(job, form, convert::write_hf_folder);
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
  const Job job{*model, out, options, control};
  return io::in_file(model->files().path(),
                     [&] { return options.to == ConvertTarget::gguf ? to_gguf(job) : to_hf(job); });
}

}  // namespace nalar
