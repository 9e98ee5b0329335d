#include "quant/encode_tensor.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/tensor.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <functional>
#include <iterator>
#include <numeric>

#include "base/utf8.h"
#include "quant/encode.h"
#include "quant/triangular.h"

namespace nalar::quant {
namespace {

// Floats of a slab of rows.
constexpr int64_t kSlab = int64_t{8} << 20;
constexpr int64_t kSampleRows = 64;

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

ErrorSums row_sums(std::span<const float> row, std::span<const float> decoded,
                   std::span<const float> importance) {
  ErrorSums sums;
  for (size_t c = 0; c < row.size(); ++c) {
    const double w = row[c], e = w - decoded[c];
    sums.weight += w * w;
    sums.weight_error += e * e;
    if (importance.empty()) continue;
    sums.output += importance[c] * w * w;
    sums.output_error += importance[c] * e * e;
  }
  return sums;
}

// Rows of a tensor, one after the other in memory, encoded by all threads.
class Slab {
 public:
  Slab(const EncodeRequest& request, base::ThreadPool& pool)
      : request_(request),
        pool_(pool),
        columns_(request.tensor->columns()),
        row_bytes_(columns_ / block_size(request.to).elements * block_size(request.to).bytes),
        sample_step_(std::max<int64_t>(request.tensor->rows() / kSampleRows, 1)) {}

  // `at(i)`: the tensor's row that is row i of the slab.
  template <typename At>
  ErrorSums encode(int64_t n, At&& at) {
    rows_.resize(static_cast<size_t>(n * columns_));
    bytes_.resize(static_cast<size_t>(n * row_bytes_));
    sums_.assign(static_cast<size_t>(n), {});
    std::vector<int64_t> first_bad(static_cast<size_t>(pool_.size()), n);
    run([&](int thread) {
      first_bad[static_cast<size_t>(thread)] = read(base::share(n, thread, pool_.size()), at);
    });
    const int64_t bad = *std::min_element(first_bad.begin(), first_bad.end());
    if (bad < n) refuse_not_finite(*request_.tensor, at(bad), row(bad));
    run([&](int thread) { encode(base::share(n, thread, pool_.size()), at); });
    // In the order of the rows, whatever the number of threads.
    return std::accumulate(sums_.begin(), sums_.end(), ErrorSums{},
                           [](ErrorSums sum, const ErrorSums& row) { return sum += row; });
  }

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<float> row(int64_t i) {
    return std::span(rows_).subspan(static_cast<size_t>(i * columns_),
                                    static_cast<size_t>(columns_));
  }
  std::byte* encoded(int64_t i) { return bytes_.data() + i * row_bytes_; }

  // ThreadPool's functions must not throw.
  template <typename F>
  void run(F&& fn) {
    std::vector<std::exception_ptr> errors(static_cast<size_t>(pool_.size()));
    pool_.run([&](int thread) {
      try {
        fn(thread);
      } catch (...) {
        errors[static_cast<size_t>(thread)] = std::current_exception();
      }
    });
    for (const std::exception_ptr& error : errors) {
      if (error) std::rethrow_exception(error);
    }
  }

  // The first row that has a value that is not finite, or one past the slab's last.
  template <typename At>
  int64_t read(base::Range own, At& at) {
    for (int64_t i = own.begin; i < own.end; ++i) {
      request_.tensor->read(at(i), row(i));
      if (!all_finite(row(i))) return i;
    }
    return static_cast<int64_t>(sums_.size());
  }

  template <typename At>
  void encode(base::Range own, At& at) {
    if (request_.hessian != nullptr && own.begin < own.end) {
      const MatrixView<const float> rows{rows_.data(), static_cast<int64_t>(sums_.size()), columns_,
                                         columns_};
      encode_rows_with_feedback(request_.to, rows, *request_.hessian, own.begin, own.end,
                                encoded(own.begin));
    }
    std::vector<float> decoded(static_cast<size_t>(columns_));
    std::vector<int64_t> looked_at;  // with the Hessian
    std::vector<float> of_output;    // a row and its error, of each of them
    for (int64_t i = own.begin; i < own.end; ++i) {
      if (request_.hessian == nullptr) {
        encode_row(request_.to, row(i), request_.importance, encoded(i));
      }
      decode_row(request_.to, encoded(i), decoded);
      ErrorSums& sums = sums_[static_cast<size_t>(i)];
      if (request_.hessian == nullptr) {
        sums = row_sums(row(i), decoded, request_.importance);
      } else {
        sums = row_sums(row(i), decoded, {});
        if (at(i) % sample_step_ != 0) continue;
        looked_at.push_back(i);
        of_output.insert(of_output.end(), row(i).begin(), row(i).end());
        std::transform(row(i).begin(), row(i).end(), decoded.begin(), std::back_inserter(of_output),
                       std::minus<>());
      }
    }
    if (!looked_at.empty()) add_energies(looked_at, of_output);
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
  int64_t sample_step_;  // of the rows whose output is looked at with a Hessian
  std::vector<float> rows_;
  std::vector<std::byte> bytes_;
  std::vector<ErrorSums> sums_;
};

}  // namespace

ErrorSums& ErrorSums::operator+=(const ErrorSums& other) {
  weight += other.weight;
  weight_error += other.weight_error;
  output += other.output;
  output_error += other.output_error;
  return *this;
}

void refuse_not_finite(const SourceTensor& tensor, int64_t row, std::span<const float> values) {
  if (all_finite(values)) return;
  const auto at =
      std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  throw Error(ErrorKind::bad_data,
              fmt::format("tensor {}: row {}, column {} is {}: a weight must be finite",
                          base::escaped(tensor.name), row, at - values.begin(), *at));
}

void refuse_not_finite(const SourceTensor& tensor) {
  if (!is_weight_type(tensor.dtype) || tensor.elements() == 0) return;
  std::vector<float> row(static_cast<size_t>(tensor.columns()));
  for (int64_t r = 0; r < tensor.rows(); ++r) {
    tensor.read(r, row);
    refuse_not_finite(tensor, r, row);
  }
}

double relative(double error, double whole) { return whole > 0 ? std::sqrt(error / whole) : 0; }

ErrorSums measure_rows(const EncodeRequest& request, std::span<const int64_t> rows,
                       base::ThreadPool& pool) {
  return Slab(request, pool).encode(static_cast<int64_t>(rows.size()), [&](int64_t i) {
    return rows[static_cast<size_t>(i)];
  });
}

ErrorSums encode_tensor(const EncodeRequest& request, base::ThreadPool& pool,
                        const std::function<void(std::span<const std::byte>)>& sink) {
  const int64_t rows = request.tensor->rows();
  const int64_t step =
      std::max<int64_t>({pool.size(), 1, kSlab / std::max<int64_t>(request.tensor->columns(), 1)});
  Slab slab(request, pool);
  ErrorSums sums;
  for (int64_t begin = 0; begin < rows; begin += step) {
    sums += slab.encode(std::min(step, rows - begin), [&](int64_t i) { return begin + i; });
    sink(slab.bytes());
  }
  return sums;
}

}  // namespace nalar::quant
