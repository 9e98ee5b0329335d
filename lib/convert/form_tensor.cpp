#include "convert/form_tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nalar/error.h>
#include <nalar/log.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "base/utf8.h"
#include "model/rope_order.h"
#include "quant/encode.h"

namespace nalar::convert {
namespace {

constexpr int64_t kPieceBytes = int64_t{4} << 20;  // of fp32, converted at a time

int64_t row_size(DType type, int64_t columns) {
  const BlockSize block = block_size(type);
  return columns / block.elements * block.bytes;
}

std::span<const std::byte> source_bytes(const FormTensor& tensor, int64_t source_row) {
  const auto size = static_cast<size_t>(row_size(tensor.source.dtype, tensor.columns()));
  return tensor.source.bytes.subspan(static_cast<size_t>(source_row) * size, size);
}

// What rounds to infinity in this type, or is no number.
bool is_beyond(DType type, float value) {
  constexpr float kHalf = 65520, kBrain = 0x1.FFp127f;  // half a unit over the largest
  const float limit = type == DType::f16    ? kHalf
                      : type == DType::bf16 ? kBrain
                                            : std::numeric_limits<float>::infinity();
  return !(std::abs(value) < limit);
}

[[noreturn]] void fail_range(const FormTensor& tensor, int64_t row) {
  std::vector<float> values(static_cast<size_t>(tensor.columns()));
  tensor.read_row(row, values);
  float worst = 0;
  for (const float value : values) {
    if (!(std::abs(value) <= std::abs(worst))) worst = value;
  }
  throw Error(ErrorKind::bad_data,
              fmt::format("tensor {}: {} is beyond the range of {}", base::escaped(tensor.name),
                          worst, name(tensor.dtype)),
              "--dtype bf16 or f32");
}

bool is_one_row(const FormTensor& tensor) {
  return tensor.shape.size() == 1 && is_quantized(tensor.source.dtype);
}

void write_source_bytes(const FormTensor& tensor, io::OutputFile& file) {
  if (tensor.order == RowOrder::same) return file.write(tensor.source.bytes);
  std::vector<std::byte> piece;
  for (int64_t row = 0; row < tensor.rows(); ++row) {
    const auto bytes = tensor.row_bytes(row);
    piece.insert(piece.end(), bytes.begin(), bytes.end());
    if (static_cast<int64_t>(piece.size()) < kPieceBytes && row + 1 < tensor.rows()) continue;
    file.write(piece);
    piece.clear();
  }
}

}  // namespace

int64_t FormTensor::rows() const {
  if (is_one_row(*this)) return 1;
  int64_t rows = shape.empty() ? 1 : shape[0];
  for (size_t i = 1; i + 1 < shape.size(); ++i) rows *= shape[i];
  return rows;
}

int64_t FormTensor::columns() const {
  return shape.size() < 2 && !is_one_row(*this) ? 1 : shape.back();
}

int64_t FormTensor::source_row(int64_t row) const {
  switch (order) {
    case RowOrder::interleaved:
      return model::uninterleaved_row(row, head_dim);
    case RowOrder::uninterleaved:
      return model::interleaved_row(row, head_dim);
    case RowOrder::same:
      break;
  }
  return row;
}

bool FormTensor::has_source_rows() const {
  return values.empty() && !change && offset == 0 && dtype == source.dtype;
}

std::span<const std::byte> FormTensor::row_bytes(int64_t row) const {
  return source_bytes(*this, source_row(row));
}

void FormTensor::read_row(int64_t row, std::span<float> out) const {
  const int64_t from = source_row(row);
  if (values.empty()) {
    quant::decode_row(source.dtype, source_bytes(*this, from).data(), out);
  } else {
    std::copy_n(values.begin() + from * columns(), columns(), out.begin());
  }
  if (change) change(from, out);
  if (offset == 0) return;
  for (float& value : out) value += offset;
}

void tell(const std::vector<std::string>& notices, const std::vector<std::string>& left_out) {
  for (const std::string& text : notices) notice(text);
  if (!left_out.empty()) notice(fmt::format("left out: {}", fmt::join(left_out, ", ")));
}

bool encode_row(DType type, std::span<const float> row, std::byte* out) noexcept {
  if (std::any_of(row.begin(), row.end(), [&](float x) { return is_beyond(type, x); }))
    return false;
  quant::encode_row(type, row, {}, out);
  return true;
}

int64_t byte_size(const FormTensor& tensor) {
  return tensor.rows() * tensor.columns() / block_size(tensor.dtype).elements *
         block_size(tensor.dtype).bytes;
}

void write_tensor(const FormTensor& tensor, base::ThreadPool& pool, io::OutputFile& file) {
  if (byte_size(tensor) == 0) return;
  if (tensor.has_source_rows()) return write_source_bytes(tensor, file);
  const int64_t columns = tensor.columns(), size = row_size(tensor.dtype, columns);
  const int64_t step =
      std::max<int64_t>(1, kPieceBytes / (columns * static_cast<int64_t>(sizeof(float))));
  std::vector<std::byte> piece(static_cast<size_t>(std::min(step, tensor.rows()) * size));
  std::atomic<int64_t> bad_row{-1};
  for (int64_t begin = 0; begin < tensor.rows(); begin += step) {
    const int64_t n = std::min(step, tensor.rows() - begin);
    pool.run([&](int thread) {
      std::vector<float> row(static_cast<size_t>(columns));
      const base::Range part = base::share(n, thread, pool.size());
      for (int64_t i = part.begin; i < part.end; ++i) {
        tensor.read_row(begin + i, row);
        if (!encode_row(tensor.dtype, row, piece.data() + i * size)) bad_row = begin + i;
      }
    });
    if (bad_row >= 0) fail_range(tensor, bad_row);
    file.write(std::span(piece).first(static_cast<size_t>(n * size)));
  }
}

}  // namespace nalar::convert
