#include "quant/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "engine/layer_walk.h"
#include "kernels/isa.h"
#include "quant/encode_kernels.h"
#include "quant/encode_tensor.h"

namespace nalar::quant {
namespace {

constexpr DType kTrial = DType::q4_0;
constexpr int64_t kVocabulary = 1024;  // rows of the head that are looked at

using Matrix = TensorView LayerWeights::*;
constexpr Matrix kMatrices[] = {&LayerWeights::q,   &LayerWeights::k,    &LayerWeights::v,
                                &LayerWeights::o,   &LayerWeights::gate, &LayerWeights::up,
                                &LayerWeights::down};

// The model with one matrix rounded: where its tokens have got to.
struct Trial {
  std::string matrix;
  double error = 0;           // of the matrix's output, relative, squared
  std::vector<float> states;  // [T, D]
};

class Trials {
 public:
  Trials(const SensitivityRequest& request, base::ThreadPool& pool)
      : request_(request),
        pool_(pool),
        model_(*request.model),
        walk_(request.model, pool.size(), static_cast<int>(request.tokens.chunk)) {}

  std::map<std::string, double, std::less<>> run() {
    embed();
    const int64_t n_layers = walk_.n_layers();
    for (int i = 0; i < n_layers; ++i) {
      const size_t before = trials_.size();
      for (Trial& trial : trials_) {
        step();
        walk_.layer(i, view(trial.states), nullptr);
      }
      const std::vector<float> states = plain_;
      walk_.layer(i, view(plain_), nullptr);
      for (const Matrix matrix : kMatrices) try_matrix(i, matrix, states);
      total_ += (trials_.size() - before) * static_cast<size_t>(n_layers - i - 1);
    }
    walk_.normalize(view(plain_));
    read_head();
    std::map<std::string, double, std::less<>> out;
    add(out, model_.weights().head.name, energy(plain_, false) / 2);
    for (Trial& trial : trials_) {
      step();
      walk_.normalize(view(trial.states));
      for (size_t i = 0; i < plain_.size(); ++i) trial.states[i] -= plain_[i];
      add(out, trial.matrix, energy(trial.states, true) / 2 / trial.error);
    }
    return out;
  }

 private:
  void step() {
    if (request_.on_step) request_.on_step(done_, std::max(done_, static_cast<int64_t>(total_)));
    ++done_;
  }

  MatrixView<float> view(std::vector<float>& states) const {
    const int64_t width = model_.config().d_model;
    return {states.data(), request_.tokens.chunk, width, width};
  }

  static void add(std::map<std::string, double, std::less<>>& out, std::string_view name,
                  double kl) {
    if (std::isfinite(kl)) out[std::string(name)] += kl;
  }

  void embed() {
    plain_.resize(static_cast<size_t>(request_.tokens.chunk * model_.config().d_model));
    walk_.embed(request_.tokens.of(0), view(plain_));
    Trial trial{std::string(model_.weights().embedding.name), 0, plain_};
    keep(std::move(trial), round(view(trial.states), {}));
  }

  // One more trial of a layer, which got `states`.
  void try_matrix(int layer, Matrix matrix, const std::vector<float>& states) {
    const LayerWeights& own = model_.weights().layers[static_cast<size_t>(layer)];
    const TensorView& from = own.*matrix;
    if (!fits(kTrial, from.columns())) return;
    rows_.resize(static_cast<size_t>(from.elements()));
    const MatrixView<float> rows{rows_.data(), from.rows(), from.columns(), from.columns()};
    const int64_t row_bytes = static_cast<int64_t>(from.bytes.size()) / from.rows();
    base::run_all(pool_, [&](int thread) {
      const base::Range share = base::share(from.rows(), thread, pool_.size());
      for (int64_t r = share.begin; r < share.end; ++r) {
        decode_row(from.dtype, from.bytes.data() + r * row_bytes,
                   {rows.row(r), static_cast<size_t>(from.columns())});
      }
    });
    const ErrorSums sums = round(rows, request_.importance(from));
    LayerWeights rounded = own;
    TensorView& to = rounded.*matrix;
    to.dtype = DType::f32;
    to.bytes = std::as_bytes(std::span(rows_));
    Trial trial{std::string(from.name), 0, states};
    step();
    walk_.layer(layer, view(trial.states), nullptr, &rounded);
    keep(std::move(trial), sums);
  }

  void keep(Trial trial, const ErrorSums& sums) {
    const double error = sums.output > 0 ? relative(sums.output_error, sums.output)
                                         : relative(sums.weight_error, sums.weight);
    trial.error = error * error;
    if (trial.error > 0) trials_.push_back(std::move(trial));
  }

  ErrorSums round(MatrixView<float> rows, const Importance& importance) {
    std::vector<ErrorSums> of_row(static_cast<size_t>(rows.rows));
    if (!fits(kTrial, rows.columns)) return {};
    const EncodeKernels& kernels = encode_kernels(kernels::chosen_isa());
    const float* const w = importance.of_column.empty() ? nullptr : importance.of_column.data();
    base::run_all(pool_, [&](int thread) {
      const BlockSize block = block_size(kTrial);
      const auto columns = static_cast<size_t>(rows.columns);
      std::vector<std::byte> bytes(columns / static_cast<size_t>(block.elements) *
                                   static_cast<size_t>(block.bytes));
      std::vector<float> decoded(columns);
      const base::Range share = base::share(rows.rows, thread, pool_.size());
      for (int64_t r = share.begin; r < share.end; ++r) {
        encode_row(kTrial, {rows.row(r), columns}, {importance.of_column, false}, bytes.data(),
                   decoded.data());
        of_row[static_cast<size_t>(r)] =
            kernels.errors(rows.row(r), decoded.data(), w, rows.columns);
        std::copy(decoded.begin(), decoded.end(), rows.row(r));
      }
    });
    ErrorSums sums;
    for (const ErrorSums& row : of_row) sums += row;
    return sums;
  }

  // A sample of the head, a column of the sample after the other.
  void read_head() {
    const TensorView& head = model_.weights().head;
    sample_ = std::min(head.rows(), kVocabulary);
    head_.resize(static_cast<size_t>(head.columns() * sample_));
    std::vector<float> row(static_cast<size_t>(head.columns()));
    const int64_t row_bytes = static_cast<int64_t>(head.bytes.size()) / head.rows();
    for (int64_t v = 0; v < sample_; ++v) {
      const int64_t r = (2 * v + 1) * head.rows() / (2 * sample_);
      decode_row(head.dtype, head.bytes.data() + r * row_bytes, row);
      for (int64_t c = 0; c < head.columns(); ++c) {
        head_[static_cast<size_t>(c * sample_ + v)] = row[static_cast<size_t>(c)];
      }
    }
  }

  // Of the logits z that these states [T, D] give: E[z²], or E_t[Var_v(z)].
  double energy(std::vector<float>& states, bool centred) {
    const MatrixView<float> x = view(states);
    std::vector<double> of_row(static_cast<size_t>(x.rows));
    base::run_all(pool_, [&](int thread) {
      std::vector<float> z(static_cast<size_t>(sample_));
      const base::Range share = base::share(x.rows, thread, pool_.size());
      for (int64_t t = share.begin; t < share.end; ++t) {
        std::fill(z.begin(), z.end(), 0.0f);
        for (int64_t c = 0; c < x.columns; ++c) {
          const float* const w = head_.data() + c * sample_;
          for (int64_t v = 0; v < sample_; ++v) z[static_cast<size_t>(v)] += x.row(t)[c] * w[v];
        }
        double sum = 0, squares = 0;
        for (const float value : z) {
          sum += value;
          squares += double{value} * value;
        }
        const auto n = static_cast<double>(sample_);
        of_row[static_cast<size_t>(t)] = squares / n - (centred ? sum / n * (sum / n) : 0);
      }
    });
    double sum = 0;
    for (const double row : of_row) sum += row;
    return sum / static_cast<double>(x.rows);
  }

  const SensitivityRequest& request_;
  base::ThreadPool& pool_;
  const Model& model_;
  engine::LayerWalk walk_;
  std::vector<float> plain_;  // [T, D], nothing rounded
  std::vector<Trial> trials_;
  std::vector<float> rows_;  // of the matrix that is tried
  std::vector<float> head_;  // [D, sample_]
  int64_t sample_ = 0;
  int64_t done_ = 0;
  size_t total_ = 0;
};

}  // namespace

std::map<std::string, double, std::less<>> measure_sensitivities(const SensitivityRequest& request,
                                                                 base::ThreadPool& pool) {
  return Trials(request, pool).run();
}

}  // namespace nalar::quant
