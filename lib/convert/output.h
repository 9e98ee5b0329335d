#pragma once

#include <nalar/convert.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "convert/gguf_form.h"
#include "convert/hf_form.h"
#include "io/file_system.h"
#include "model/lora_gguf.h"

namespace nalar::convert {

// Writes tensors and tells how far it is.
class TensorOutput {
 public:
  // `source`: the files that the tensors borrow from; pages that were read are given back.
  TensorOutput(const ModelFiles& source, int threads, const ConvertControl& control, int64_t total)
      : source_(source), pool_(threads), control_(control), total_(total) {}
  // Errors: those of write_tensor; try_again when it is told to stop.
  void write(const FormTensor& tensor, io::OutputFile& file);

 private:
  const ModelFiles& source_;
  base::ThreadPool pool_;
  const ConvertControl& control_;
  int64_t done_ = 0, total_;
};

// The tensors as a writer of io takes them: GgufTensorToWrite, TensorToWrite.
template <typename ToWrite>
std::vector<ToWrite> tensors_to_write(std::span<const FormTensor> tensors, TensorOutput& output) {
  std::vector<ToWrite> list;
  for (const FormTensor& tensor : tensors) {
    list.push_back({tensor.name, tensor.dtype, tensor.shape,
                    [&tensor, &output](io::OutputFile& file) { output.write(tensor, file); }});
  }
  return list;
}

// Tensors [begin, end) of each file, none over `max_bytes` where one tensor is not. One file
// without a limit.
struct Slice {
  size_t begin = 0, end = 0;
  std::span<const FormTensor> of(const std::vector<FormTensor>& tensors) const {
    return std::span(tensors).subspan(begin, end - begin);
  }
};
std::vector<Slice> split_tensors(const std::vector<FormTensor>& tensors,
                                 std::optional<int64_t> max_bytes);

// The paths that are made: `path`, or a split set beside it named as llama.cpp does:
// NAME-00001-of-0000N.gguf, of which the first is made last. Errors: cannot_create, also where one
// of them exists; usage for more files than a set can have; io.
std::vector<std::string> write_gguf_files(io::FileSystem& files, const std::string& path,
                                          const GgufForm& form, std::optional<int64_t> max_bytes,
                                          TensorOutput& output);
// A new folder, made aside and renamed. Errors: cannot_create where something of that name exists;
// io.
std::vector<std::string> write_hf_folder(io::FileSystem& files, const std::string& path,
                                         const HfForm& form, std::optional<int64_t> max_bytes,
                                         TensorOutput& output);

// The same of an adapter.
std::vector<std::string> write_peft_folder(io::FileSystem& files, const std::string& path,
                                           const model::LoraAdapter& adapter, const Model& base);
std::vector<std::string> write_gguf_adapter(io::FileSystem& files, const std::string& path,
                                            const model::GgufAdapter& form);

}  // namespace nalar::convert
