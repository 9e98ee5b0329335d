#include "quant/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "engine/layer_walk.h"
#include "quant/encode_tensor.h"
#include "quant/source.h"

namespace nalar::quant {
namespace {

// The second one's levels are not even: what lies on the grid of the first does not lie on its.
constexpr DType kTrialTypes[] = {DType::q4_0, DType::iq4_nl};
// Squared; 4 bits are usually worth some 5e-3. What is less may be the noise of its operands.
constexpr double kLeastError = 1e-4;
constexpr int64_t kVocabulary = 1024;  // rows of the head that are looked at

using Matrix = TensorView LayerWeights::*;
constexpr Matrix kMatrices[] = {&LayerWeights::q,   &LayerWeights::k,    &LayerWeights::v,
                                &LayerWeights::o,   &LayerWeights::gate, &LayerWeights::up,
                                &LayerWeights::down};

// The model with one matrix rounded: where its tokens have got to.
struct Trial {
  std::string matrix;
  double squared_error;       // of the matrix's output, relative
  std::vector<float> states;  // [T, D]
};

double mean_square(std::span<const float> z) {
  double sum = 0;
  for (const float value : z) sum += double{value} * value;
  return sum / static_cast<double>(z.size());
}

double variance(std::span<const float> z) {
  double sum = 0;
  for (const float value : z) sum += value;
  const double mean = sum / static_cast<double>(z.size());
  return std::max(0.0, mean_square(z) - mean * mean);
}

class Trials {
 public:
  Trials(const SensitivityRequest& request, base::ThreadPool& pool)
      : request_(request),
        pool_(pool),
        model_(*request.model),
        walk_(request.model, pool.size(), static_cast<int>(request.tokens.chunk)) {
    const int64_t n_layers = walk_.n_layers();
    if (is_tried(model_.weights().embedding)) total_ += n_layers + 1;
    for (int64_t i = 0; i < n_layers; ++i) {
      for (const Matrix matrix : kMatrices) {
        if (is_tried(layer(i).*matrix)) total_ += n_layers - i + 1;
      }
    }
  }

  Sensitivities run() {
    try_embedding();
    for (int i = 0; i < walk_.n_layers(); ++i) {
      for (Trial& trial : trials_) {
        step();
        walk_.layer(i, view(trial.states), nullptr);
      }
      const std::vector<float> input = plain_;
      walk_.layer(i, view(plain_), nullptr);
      for (const Matrix matrix : kMatrices) {
        if (is_tried(layer(i).*matrix)) try_matrix(i, matrix, input);
      }
    }
    walk_.normalize(view(plain_));
    return compare();
  }

 private:
  const LayerWeights& layer(int64_t i) const {
    return model_.weights().layers[static_cast<size_t>(i)];
  }
  bool is_tried(const TensorView& matrix) const {
    return fits(kTrialTypes[0], matrix.columns()) &&
           request_.matrices.count(std::string(matrix.name)) > 0;
  }
  MatrixView<float> view(std::vector<float>& states) const {
    const int64_t width = model_.config().d_model;
    return {states.data(), request_.tokens.chunk, width, width};
  }
  void step() {
    if (request_.on_step) request_.on_step(done_, total_);
    ++done_;
  }

  void try_embedding() {
    const TensorView& table = model_.weights().embedding;
    plain_.resize(static_cast<size_t>(request_.tokens.chunk * model_.config().d_model));
    const MatrixView<float> x = view(plain_);
    walk_.embed(request_.tokens.of(0), x);
    if (!is_tried(table)) return;
    SourceTensor rows;
    rows.name = table.name;
    rows.shape = {x.rows, x.columns};
    rows.read = [x](int64_t row, std::span<float> out) {
      std::copy_n(x.row(row), x.columns, out.begin());
    };
    Trial trial{rows.name, 0, std::vector<float>(plain_.size())};
    trial.squared_error = round(rows, {}, view(trial.states));
    keep(std::move(trial), 0);
  }

  // A matrix of a layer that gets `input`.
  void try_matrix(int i, Matrix matrix, const std::vector<float>& input) {
    const TensorView& from = layer(i).*matrix;
    rounded_.resize(static_cast<size_t>(from.elements()));
    LayerWeights weights = layer(i);
    TensorView& to = weights.*matrix;
    to.dtype = DType::f32;
    to.bytes = std::as_bytes(std::span(rounded_));
    const SourceTensor tensor = source_tensor(from, model_.shared_files());
    Trial trial{std::string(from.name), 0, input};
    trial.squared_error = round(tensor, request_.importance(trial.matrix),
                                {rounded_.data(), from.rows(), from.columns(), from.columns()});
    tensor.release();
    step();
    walk_.layer(i, view(trial.states), nullptr, &weights);
    keep(std::move(trial), i + 1);
  }

  // The squared relative error of the output.
  double round(const SourceTensor& tensor, const Importance& importance, MatrixView<float> out) {
    double squared_error = 0;
    for (const DType type : kTrialTypes) {
      std::vector<std::byte> bytes;
      const ErrorSums sums = encode_tensor({&tensor, type, importance}, pool_,
                                           {[&](std::span<const std::byte> more) {
                                              bytes.insert(bytes.end(), more.begin(), more.end());
                                            },
                                            [](int64_t) {}});
      squared_error = squared_loss(sums);
      const int64_t row_bytes = static_cast<int64_t>(bytes.size()) / out.rows;
      base::run_all(pool_, [&](int thread) {
        const base::Range own = base::share(out.rows, thread, pool_.size());
        for (int64_t r = own.begin; r < own.end; ++r) {
          decode_row(type, bytes.data() + r * row_bytes,
                     {out.row(r), static_cast<size_t>(out.columns)});
        }
      });
      if (squared_error >= kLeastError) break;
    }
    return squared_error;
  }

  // It is to go through the layers from `next_layer` on, or not: then that much is done.
  void keep(Trial trial, int next_layer) {
    if (trial.squared_error >= kLeastError) {
      trials_.push_back(std::move(trial));
    } else {
      done_ += walk_.n_layers() - next_layer + 1;
    }
  }

  Sensitivities compare() {
    read_head();
    Sensitivities out;
    const auto add = [&](const std::string& matrix, double kl) {
      if (std::isfinite(kl)) out[matrix] += kl;
    };
    const std::string head(model_.weights().head.name);
    if (request_.matrices.count(head) > 0) add(head, mean_of_logits(plain_, mean_square) / 2);
    for (Trial& trial : trials_) {
      step();
      walk_.normalize(view(trial.states));
      for (size_t i = 0; i < plain_.size(); ++i) trial.states[i] -= plain_[i];
      add(trial.matrix, mean_of_logits(trial.states, variance) / 2 / trial.squared_error);
    }
    return out;
  }

  // A sample of the head, transposed.
  void read_head() {
    const TensorView& head = model_.weights().head;
    const SourceTensor tensor = source_tensor(head, model_.shared_files());
    sample_ = std::min(head.rows(), kVocabulary);
    head_.resize(static_cast<size_t>(head.columns() * sample_));
    std::vector<float> row(static_cast<size_t>(head.columns()));
    for (int64_t v = 0; v < sample_; ++v) {
      tensor.read((2 * v + 1) * head.rows() / (2 * sample_), row);
      for (int64_t c = 0; c < head.columns(); ++c) {
        head_[static_cast<size_t>(c * sample_ + v)] = row[static_cast<size_t>(c)];
      }
    }
  }

  // Of `figure` of the logits that each row of the states gives.
  double mean_of_logits(std::vector<float>& states, double (*figure)(std::span<const float> z)) {
    const MatrixView<float> x = view(states);
    std::vector<double> of_row(static_cast<size_t>(x.rows));
    base::run_all(pool_, [&](int thread) {
      std::vector<float> z(static_cast<size_t>(sample_));
      const base::Range own = base::share(x.rows, thread, pool_.size());
      for (int64_t t = own.begin; t < own.end; ++t) {
        std::fill(z.begin(), z.end(), 0.0f);
        for (int64_t c = 0; c < x.columns; ++c) {
          const float* const w = head_.data() + c * sample_;
          for (int64_t v = 0; v < sample_; ++v) z[static_cast<size_t>(v)] += x.row(t)[c] * w[v];
        }
        of_row[static_cast<size_t>(t)] = figure(z);
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
  std::vector<float> rounded_;  // the matrix that is tried
  std::vector<float> head_;     // [D, sample_]
  int64_t sample_ = 0;
  int64_t done_ = 0, total_ = 0;
};

}  // namespace

Sensitivities measure_sensitivities(const SensitivityRequest& request, base::ThreadPool& pool) {
  return Trials(request, pool).run();
}

}  // namespace nalar::quant
