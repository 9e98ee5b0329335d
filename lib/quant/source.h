#pragma once

#include <nalar/dtype.h>
#include <nalar/model_files.h>
#include <nalar/tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/gguf_writer.h"

// A model in GGUF's form, whatever form its files have: what is quantized.
namespace nalar::quant {

struct SourceTensor {
  std::string name;            // GGUF's
  std::string model_name;      // in the Model, which an engine's observer sees
  DType dtype = DType::f32;    // of the source
  std::vector<int64_t> shape;  // row-major, outermost first
  // As GGUF has them, to be copied; empty where the source's have another form.
  std::span<const std::byte> bytes;
  // One row in fp32; of weight types alone. Thread-safe.
  std::function<void(int64_t row, std::span<float> out)> read;
  // Nothing of it will be read for a while: its pages may go.
  std::function<void()> release;

  int64_t rows() const;     // product of all but the last dimension; 1 for a vector
  int64_t columns() const;  // the last dimension; 1 for a scalar
  int64_t elements() const { return rows() * columns(); }
};

struct Source {
  io::GgufKeys keys;  // without those of a split set and of a quantizer
  std::vector<SourceTensor> tensors;
};

// A tensor as it lies in the model's files, which it keeps.
SourceTensor source_tensor(const TensorView& view, const std::shared_ptr<const ModelFiles>& files);
// Keeps the files. REQUIRES ModelFormat::gguf.
Source gguf_source(std::shared_ptr<const ModelFiles> files);

}  // namespace nalar::quant
