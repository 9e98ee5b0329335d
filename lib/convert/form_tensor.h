#pragma once

#include <nalar/tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "io/file_system.h"
#include "model/tensor_names.h"

// A tensor of a model as it will lie in another file: rows of the source in another order or type,
// with something added. A vector counts as rows of one value, or as one row where its type has
// blocks. Borrows from the model.
namespace nalar::convert {

enum class RowOrder {
  same,
  interleaved,    // from Hugging Face's order of q and k to the interleaved one (rope_order.h)
  uninterleaved,  // and back
};

struct FormTensor {
  std::string name;
  std::optional<model::TensorName> role;  // none: no tensor of the model, carried along
  std::vector<int64_t> shape;
  DType dtype = DType::f32;  // in the target
  TensorView source;
  std::vector<float> values;  // of a tensor that no file holds, in place of `source`
  RowOrder order = RowOrder::same;
  int64_t head_dim = 0;  // where rows change places
  float offset = 0;      // added to each value
  // What a merged adapter makes of row `row` of the source.
  std::function<void(int64_t row, std::span<float> values)> change;

  int64_t rows() const;
  int64_t columns() const;
  // Of the row that becomes row `row` of the target.
  int64_t source_row(int64_t row) const;
  // Whether each row is one of the source's, byte for byte, if at another place (`order`).
  bool has_source_rows() const;
  // REQUIRES has_source_rows().
  std::span<const std::byte> row_bytes(int64_t row) const;
  void read_row(int64_t row, std::span<float> out) const;
};

// Tells, as notices, what a reader of the form should know and what it has no place for.
void tell(const std::vector<std::string>& notices, const std::vector<std::string>& left_out);

// One row in the type's bytes; false for a value that is not finite in it. Thread-safe.
bool encode_row(DType type, std::span<const float> row, std::byte* out) noexcept;

// Hands over all bytes in the target's type, never much of it in memory. Errors: bad_data that
// names the tensor and the value that is beyond the type's range; io.
void write_tensor(const FormTensor& tensor, base::ThreadPool& pool, io::OutputFile& file);

int64_t byte_size(const FormTensor& tensor);

}  // namespace nalar::convert
