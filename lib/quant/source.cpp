#include "quant/source.h"

#include "io/gguf_metadata.h"
#include "io/tensor_file.h"
#include "quant/encode.h"

namespace nalar::quant {
namespace {

// What is said of one file and no longer holds for the one that is made of it.
bool is_of_that_file(std::string_view key) {
  return key.starts_with("split.") || key.starts_with("quantize.") || key.starts_with("nalar.");
}

}  // namespace

SourceTensor source_tensor(const TensorView& view, const std::shared_ptr<const ModelFiles>& files) {
  SourceTensor tensor;
  tensor.name = tensor.model_name = view.name;
  tensor.dtype = view.dtype;
  tensor.shape = view.shape;
  tensor.bytes = view.bytes;
  const auto row_bytes =
      view.rows() == 0 ? 0 : view.bytes.size() / static_cast<size_t>(view.rows());
  tensor.read = [files, view, row_bytes](int64_t row, std::span<float> out) {
    decode_row(view.dtype, view.bytes.data() + static_cast<size_t>(row) * row_bytes, out);
  };
  tensor.release = [files, view] { files->release_pages(view.bytes); };
  return tensor;
}

int64_t SourceTensor::rows() const {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
  return rows;
}

int64_t SourceTensor::columns() const { return shape.empty() ? 1 : shape.back(); }

Source gguf_source(std::shared_ptr<const ModelFiles> files) {
  Source source;
  for (const auto& [key, value] : files->gguf()->entries()) {
    if (!is_of_that_file(key)) source.keys.copy(key, value);
  }
  for (const TensorView& view : files->tensors()->tensors()) {
    source.tensors.push_back(source_tensor(view, files));
  }
  return source;
}

}  // namespace nalar::quant
