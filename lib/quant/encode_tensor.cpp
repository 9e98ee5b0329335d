#include "quant/encode_tensor.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/tensor.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <iterator>
#include <numeric>

#include "base/utf8.h"
#include "kernels/isa.h"
#include "quant/encode.h"
#include "quant/encode_kernels.h"
#include "quant/triangular.h"

namespace nalar::quant {
namespace {

// Weights of a slab: few, so that what is done with its bytes while the next one is encoded leaves
// little for after the last one.
constexpr int64_t kSlab = int64_t{1} << 20;
// Weights and rows that a thread takes at a time. The feedback needs more rows for its products.
constexpr int64_t kChunk = int64_t{1} << 15, kFeedbackRows = 256;
// Weights whose fp32 stays in the nearest cache.
constexpr int64_t kTogether = int64_t{1} << 12;
constexpr int64_t kSampleRows = 64;

ErrorSums row_sums(std::span<const float> row, std::span<const float> decoded,
                   std::span<const float> importance) {
  return encode_kernels(kernels::chosen_isa())
      .errors(row.data(), decoded.data(), importance.empty() ? nullptr : importance.data(),
              static_cast<int64_t>(row.size()));
}

[[noreturn]] void fail_not_finite(const SourceTensor& tensor, int64_t row) {
  std::vector<float> values(static_cast<size_t>(tensor.columns()));
  tensor.read(row, values);
  const auto at =
      std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  throw Error(ErrorKind::bad_data,
              fmt::format("tensor {}: row {}, column {} is {}: a weight must be finite",
                          base::escaped(tensor.name), row, at - values.begin(), *at));
}

// Rows of a tensor, one after the other in memory, encoded by all threads.
class Slab {
 public:
  Slab(const EncodeRequest& request, base::ThreadPool& pool)
      : request_(request),
        pool_(pool),
        columns_(request.tensor->columns()),
        row_bytes_(columns_ / block_size(request.to).elements * block_size(request.to).bytes),
        sample_step_(std::max<int64_t>(request.tensor->rows() / kSampleRows, 1)),
        chunk_(request.hessian != nullptr
                   ? kFeedbackRows
                   : std::max<int64_t>(1, kChunk / std::max<int64_t>(columns_, 1))),
        rooms_(static_cast<size_t>(pool.size())) {
    const std::span<const float> of_column = request.importance.of_column;
    const bool thorough = request.importance.thorough && !of_column.empty();
    // In a short search rows are as good as one long row, and blocks are done many together.
    if (!thorough) together_ = std::max<int64_t>(kTogether / std::max<int64_t>(columns_, 1), 1);
    for (int64_t i = 0; i < together_; ++i) {
      repeated_.insert(repeated_.end(), of_column.begin(), of_column.end());
    }
  }

  // `at(i)`: the tensor's row that is row i of the slab. `beside` is called by this thread before
  // it joins the others. Adds to `sums` in the order of the rows, whatever the number of threads.
  template <typename At, typename Beside>
  void encode(int64_t n, const At& at, const Beside& beside, ErrorSums& sums) {
    bytes_.resize(static_cast<size_t>(n * row_bytes_));
    sums_.assign(static_cast<size_t>(n), {});
    std::vector<int64_t> first_bad(static_cast<size_t>(pool_.size()), n);
    std::atomic<int64_t> next{0};
    base::run_all(pool_, [&](int thread) {
      if (thread == 0) beside();
      int64_t& bad = first_bad[static_cast<size_t>(thread)];
      Room& room = rooms_[static_cast<size_t>(thread)];
      while (bad == n) {
        const int64_t begin = next.fetch_add(chunk_);
        if (begin >= n) break;
        const base::Range own{begin, std::min(begin + chunk_, n)};
        bad = request_.hessian != nullptr ? fed_chunk(own, at, room) : plain_chunk(own, at, room);
      }
    });
    // Chunks are taken in order and the thread that takes one ends it: none before was left out.
    const int64_t bad = *std::min_element(first_bad.begin(), first_bad.end());
    if (bad < n) fail_not_finite(*request_.tensor, at(bad));
    for (const ErrorSums& row : sums_) sums += row;
  }

  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  // What a thread works in.
  struct Room {
    std::vector<float> rows, decoded;
  };

  std::byte* encoded(int64_t i) { return bytes_.data() + i * row_bytes_; }

  template <typename At>
  bool read(int64_t i, const At& at, std::span<float> row) const {
    request_.tensor->read(at(i), row);
    return all_finite(row);
  }

  // The first row that has a value that is not finite, or one past all rows.
  template <typename At>
  int64_t plain_chunk(base::Range own, const At& at, Room& room) {
    const int64_t together = std::min(together_, own.end - own.begin);
    room.rows.resize(static_cast<size_t>(together * columns_));
    room.decoded.resize(room.rows.size());
    for (int64_t first = own.begin; first < own.end; first += together) {
      const int64_t n = std::min(together, own.end - first);
      const auto part = [&](std::vector<float>& of, int64_t i, int64_t rows) {
        return std::span(of).subspan(static_cast<size_t>((i - first) * columns_),
                                     static_cast<size_t>(rows * columns_));
      };
      for (int64_t i = first; i < first + n; ++i) {
        if (!read(i, at, part(room.rows, i, 1))) return i;
      }
      const std::span<const float> importance =
          std::span(repeated_).first(repeated_.empty() ? 0 : static_cast<size_t>(n * columns_));
      encode_row(request_.to, part(room.rows, first, n), {importance, request_.importance.thorough},
                 encoded(first), room.decoded.data());
      for (int64_t i = first; i < first + n; ++i) {
        sums_[static_cast<size_t>(i)] = row_sums(part(room.rows, i, 1), part(room.decoded, i, 1),
                                                 request_.importance.of_column);
      }
    }
    return static_cast<int64_t>(sums_.size());
  }

  // The same with feedback.
  template <typename At>
  int64_t fed_chunk(base::Range own, const At& at, Room& room) {
    const int64_t n = own.end - own.begin;
    room.rows.resize(static_cast<size_t>(n * columns_));
    room.decoded.resize(static_cast<size_t>(columns_));
    const MatrixView<float> rows{room.rows.data(), n, columns_, columns_};
    const auto row = [&](int64_t i) {
      return std::span(rows.row(i - own.begin), static_cast<size_t>(columns_));
    };
    for (int64_t i = own.begin; i < own.end; ++i) {
      if (!read(i, at, row(i))) return i;
    }
    encode_rows_with_feedback(request_.to, {rows.data, n, columns_, columns_}, *request_.hessian, 0,
                              n, encoded(own.begin));
    std::vector<int64_t> looked_at;  // with the Hessian
    std::vector<float> of_output;    // a row and its error, of each of them
    for (int64_t i = own.begin; i < own.end; ++i) {
      decode_row(request_.to, encoded(i), room.decoded);
      sums_[static_cast<size_t>(i)] = row_sums(row(i), room.decoded, {});
      if (at(i) % sample_step_ != 0) continue;
      looked_at.push_back(i);
      of_output.insert(of_output.end(), row(i).begin(), row(i).end());
      std::transform(row(i).begin(), row(i).end(), room.decoded.begin(),
                     std::back_inserter(of_output), std::minus<>());
    }
    if (!looked_at.empty()) add_energies(looked_at, of_output);
    return static_cast<int64_t>(sums_.size());
  }

  // E[(v x)²] = v H v^T = |v U^-1|² of rows v and their errors, which are used up.
  void add_energies(const std::vector<int64_t>& of, std::vector<float>& v) {
    const MatrixView<float> y{v.data(), static_cast<int64_t>(2 * of.size()), columns_, columns_};
    Products::Thread thread;
    solve(request_.hessian->factor_rows(), y, thread);
    const auto square = [&](int64_t r) {
      return std::inner_product(y.row(r), y.row(r) + columns_, y.row(r), 0.0, std::plus<>(),
                                [](double a, double b) { return a * b; });
    };
    for (size_t k = 0; k < of.size(); ++k) {
      ErrorSums& sums = sums_[static_cast<size_t>(of[k])];
      sums.output = square(static_cast<int64_t>(2 * k));
      sums.output_error = square(static_cast<int64_t>(2 * k + 1));
    }
  }

  const EncodeRequest& request_;
  base::ThreadPool& pool_;
  int64_t columns_, row_bytes_;
  int64_t sample_step_;          // of the rows whose output is looked at with a Hessian
  int64_t chunk_;                // rows
  int64_t together_ = 1;         // rows that are encoded as one
  std::vector<float> repeated_;  // importance, once for each of them
  std::vector<Room> rooms_;
  std::vector<std::byte> bytes_;
  std::vector<ErrorSums> sums_;
};

}  // namespace

bool all_finite(std::span<const float> values) {
  return encode_kernels(kernels::chosen_isa())
      .finite(values.data(), static_cast<int64_t>(values.size()));
}

ErrorSums& ErrorSums::operator+=(const ErrorSums& other) {
  weight += other.weight;
  weight_error += other.weight_error;
  output += other.output;
  output_error += other.output_error;
  return *this;
}

void refuse_not_finite(const SourceTensor& tensor, base::ThreadPool& pool) {
  if (!is_weight_type(tensor.dtype) || tensor.elements() == 0) return;
  const int64_t rows = tensor.rows();
  std::vector<int64_t> first_bad(static_cast<size_t>(pool.size()), rows);
  base::run_all(pool, [&](int thread) {
    std::vector<float> row(static_cast<size_t>(tensor.columns()));
    const base::Range own = base::share(rows, thread, pool.size());
    for (int64_t r = own.begin; r < own.end; ++r) {
      tensor.read(r, row);
      if (all_finite(row)) continue;
      first_bad[static_cast<size_t>(thread)] = r;
      return;
    }
  });
  const int64_t bad = *std::min_element(first_bad.begin(), first_bad.end());
  if (bad < rows) fail_not_finite(tensor, bad);
}

double relative(double error, double whole) { return whole > 0 ? std::sqrt(error / whole) : 0; }

double squared_loss(const ErrorSums& sums) {
  const double error = sums.output > 0 ? relative(sums.output_error, sums.output)
                                       : relative(sums.weight_error, sums.weight);
  return error * error;
}

ErrorSums measure_rows(const EncodeRequest& request, std::span<const int64_t> rows,
                       base::ThreadPool& pool) {
  ErrorSums sums;
  Slab(request, pool)
      .encode(
          static_cast<int64_t>(rows.size()),
          [&](int64_t i) { return rows[static_cast<size_t>(i)]; }, [] {}, sums);
  return sums;
}

ErrorSums encode_tensor(const EncodeRequest& request, base::ThreadPool& pool,
                        const EncodeSink& sink) {
  const int64_t rows = request.tensor->rows();
  const int64_t of_slab = kSlab / std::max<int64_t>(request.tensor->columns(), 1);
  const int64_t step = std::max<int64_t>(
      of_slab, request.hessian != nullptr ? pool.size() * kFeedbackRows : pool.size());
  Slab slab(request, pool);
  ErrorSums sums;
  std::vector<std::byte> last;  // slab's bytes, not written yet
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t n = std::min(step, rows - begin);
    slab.encode(
        n, [&](int64_t i) { return begin + i; },
        [&] {
          if (!last.empty()) sink.write(last);
          sink.beside(n);
        },
        sums);
    last.swap(slab.bytes());
  }
  sink.write(last);
  return sums;
}

}  // namespace nalar::quant
