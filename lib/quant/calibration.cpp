#include "quant/calibration.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/memory.h"
#include "quant/hessian.h"

namespace nalar::quant {
namespace {

constexpr int64_t kGroup = 4;  // chunks gathered together, so that products of a Hessian are deep

void choose_memory(CalibrationOptions& options, int64_t largest_hessian) {
  constexpr int64_t kGiB = int64_t{1} << 30;
  const int64_t available = base::available_memory().value_or(0);
  if (options.hessian_bytes == 0) {
    options.hessian_bytes = std::max(2 * kGiB, std::min(available / 4, largest_hessian));
  }
  if (options.state_bytes == 0) options.state_bytes = std::max(kGiB, available / 12);
}

}  // namespace

// Keeps the rows of the inputs that are wanted.
class Calibration::Observer final : public LinearObserver {
 public:
  Observer(Calibration& calibration, const Pass& pass) : calibration_(calibration), pass_(pass) {}

  void linear_input(const TensorView& weight, MatrixView<const float> rows) override {
    Input& input = calibration_.inputs_[calibration_.input_of_.at(std::string(weight.name))];
    if (weight.name != input.shown_for || !pass_.wants(input)) return;
    std::vector<float>& kept = calibration_.rows_of(input);
    kept.reserve(static_cast<size_t>(kGroup * calibration_.tokens_.chunk * input.columns));
    for (int64_t t = 0; t < rows.rows; ++t) {
      kept.insert(kept.end(), rows.row(t), rows.row(t) + input.columns);
    }
  }

 private:
  Calibration& calibration_;
  const Pass& pass_;
};

Calibration::Calibration(std::shared_ptr<const Model> model, CalibrationTokens tokens,
                         CalibrationOptions options)
    : model_(std::move(model)), tokens_(std::move(tokens)), options_(std::move(options)) {
  list_inputs();
  layers_ = std::make_unique<engine::LayerWalk>(model_, options_.threads,
                                                static_cast<int>(tokens_.chunk));
  int64_t largest = 0;
  for (const size_t i : order_) largest = std::max(largest, inputs_[i].hessian_bytes());
  choose_memory(options_, largest);
}

Calibration::~Calibration() = default;

void Calibration::add_input(int layer, std::initializer_list<const TensorView*> matrices) {
  Input input;
  input.layer = layer;
  input.columns = (*matrices.begin())->columns();
  input.sums.resize(static_cast<size_t>(input.columns));
  input.shown_for = (*matrices.begin())->name;
  for (const TensorView* matrix : matrices) {
    input_of_.emplace(std::string(matrix->name), inputs_.size());
  }
  inputs_.push_back(std::move(input));
}

void Calibration::list_inputs() {
  const Weights& weights = model_->weights();
  int layer = 0;
  for (const LayerWeights& w : weights.layers) {
    add_input(layer, {&w.q, &w.k, &w.v});
    add_input(layer, {&w.o});
    add_input(layer, {&w.gate, &w.up});
    add_input(layer, {&w.down});
    ++layer;
  }
  add_input(layer, {&weights.head});
  for (const std::string& matrix : options_.feedback) {
    const auto at = input_of_.find(matrix);
    if (at == input_of_.end()) continue;
    if (std::find(order_.begin(), order_.end(), at->second) == order_.end()) {
      order_.push_back(at->second);
    }
  }
  std::sort(order_.begin(), order_.end());
}

// A layer is taken whole, or not at all where another one was: it is walked through once then.
void Calibration::choose_hessians(size_t first) {
  for (Input& input : inputs_) input.hessian.reset();
  next_layer_ = kNone;
  const int first_layer = inputs_[order_[first]].layer;
  int64_t left = options_.hessian_bytes;
  for (size_t i = first; i < order_.size(); ++i) {
    Input& input = inputs_[order_[i]];
    if (input.hessian_bytes() > options_.hessian_bytes) continue;
    if (input.hessian_bytes() > left) {
      next_layer_ = input.layer;
      break;
    }
    left -= input.hessian_bytes();
    input.hessian = std::make_unique<Hessian>(input.columns);
  }
  for (Input& input : inputs_) {
    if (input.layer == next_layer_ && next_layer_ > first_layer) input.hessian.reset();
  }
}

void Calibration::make_pass(int last, bool hessians) {
  Pass pass(layers_->threads());
  pass.hessians = hessians;
  int first = layers_->n_layers();
  for (const Input& input : inputs_) {
    const bool lacks = input.means.empty() && input.layer <= last;
    if (!lacks && !(hessians && input.hessian)) continue;
    first = std::min(first, input.layer);
    pass.end = std::max(pass.end, input.layer + 1);
  }
  pass.begin = states_layer_ <= first ? states_layer_ : 0;
  pass.steps = tokens_.chunks() * (pass.end - pass.begin);
  const int keep = std::min(next_layer_, pass.end);
  if (keep >= pass.begin && keep <= layers_->n_layers() && can_keep_states()) pass.keep = keep;
  const int64_t fit = options_.state_bytes / state_bytes() / kGroup * kGroup;
  const int64_t together = can_keep_states() ? tokens_.chunks() : std::max(fit, kGroup);
  for (int64_t i = 0; i < tokens_.chunks(); i += together) {
    walk(pass, {i, std::min(together, tokens_.chunks() - i)});
  }
  rows_ = {};
  for (Input& input : inputs_) {
    if (input.count == 0 || !input.means.empty()) continue;
    input.means.resize(input.sums.size());
    const auto n = static_cast<double>(input.count);
    std::transform(input.sums.begin(), input.sums.end(), input.means.begin(),
                   [n](double sum) { return static_cast<float>(sum / n); });
  }
  if (pass.keep > 0 || pass.begin > 0) states_layer_ = pass.keep;
  ++passes_;
  layers_walked_ += pass.end - pass.begin;
}

void Calibration::walk(Pass& pass, Chunks chunks) {
  const int64_t width = model_->config().d_model, of_chunk = tokens_.chunk * width;
  // Where states are kept, all chunks go together.
  std::vector<float> states;
  if (pass.begin > 0) states = std::exchange(states_, {});
  states.resize(static_cast<size_t>(chunks.count * of_chunk));
  Observer observer(*this, pass);
  for (int layer = pass.begin; layer < pass.end; ++layer) {
    if (layer > 0 && layer == pass.keep) states_ = states;
    for (int64_t i = 0; i < chunks.count; ++i, ++pass.done) {
      if (options_.on_step) options_.on_step(pass.done, pass.steps);
      const MatrixView<float> x{states.data() + i * of_chunk, tokens_.chunk, width, width};
      if (layer == 0) layers_->embed(tokens_.of(chunks.first + i), x);
      if (layer < layers_->n_layers()) {
        layers_->layer(layer, x, &observer);
      } else {
        layers_->normalize(x);
        observer.linear_input(model_->weights().head, {x.data, x.rows, x.columns, x.stride});
      }
      if ((i + 1) % kGroup != 0 && i + 1 < chunks.count) continue;
      for (Input& input : inputs_) {
        if (input.layer == layer && pass.wants(input)) add_rows(input, pass);
      }
    }
  }
  if (pass.keep == pass.end) states_ = std::move(states);
}

std::vector<float>& Calibration::rows_of(const Input& input) {
  return rows_[static_cast<size_t>(&input - inputs_.data()) % rows_.size()];
}

// What was gathered of it becomes part of its sums and its Hessian.
void Calibration::add_rows(Input& input, Pass& pass) {
  constexpr int64_t kShare = 256;
  std::vector<float>& kept = rows_of(input);
  const int64_t columns = input.columns;
  const MatrixView<const float> rows{kept.data(), static_cast<int64_t>(kept.size()) / columns,
                                     columns, columns};
  if (input.means.empty()) {
    input.count += rows.rows;
    pass.products.each((columns + kShare - 1) / kShare, [&](int64_t i, Products::Thread&) {
      double* const sums = input.sums.data();
      const int64_t end = std::min(columns, (i + 1) * kShare);
      for (int64_t t = 0; t < rows.rows; ++t) {
        const float* const x = rows.row(t);
        for (int64_t c = i * kShare; c < end; ++c) sums[c] += double{x[c]} * x[c];
      }
    });
  }
  if (pass.hessians && input.hessian) input.hessian->add(rows, pass.products);
  kept.clear();
}

void Calibration::read_all() {
  const bool none = std::all_of(inputs_.begin(), inputs_.end(),
                                [](const Input& input) { return !input.hessian; });
  const bool hessians = none && !order_.empty();
  if (hessians) choose_hessians(0);
  make_pass(layers_->n_layers(), hessians);
}

int64_t Calibration::state_bytes() const {
  return tokens_.chunk * model_->config().d_model * int64_t{sizeof(float)};
}

bool Calibration::can_keep_states() const {
  return tokens_.chunks() * state_bytes() <= options_.state_bytes;
}

std::span<const float> Calibration::importance(const std::string& matrix) {
  const auto at = input_of_.find(matrix);
  if (at == input_of_.end()) return {};
  const Input& input = inputs_[at->second];
  if (input.means.empty()) {
    if (options_.by_layers && order_.empty() && can_keep_states()) {
      make_pass(input.layer, false);
    } else {
      read_all();
    }
  }
  return input.means;
}

std::optional<int> Calibration::layer_of(const std::string& matrix) const {
  const auto at = input_of_.find(matrix);
  if (at == input_of_.end()) return std::nullopt;
  return inputs_[at->second].layer;
}

const Hessian* Calibration::hessian(const std::string& matrix) {
  const auto at = input_of_.find(matrix);
  if (at == input_of_.end()) return nullptr;
  const auto place = std::find(order_.begin(), order_.end(), at->second);
  if (place == order_.end()) return nullptr;
  Input& input = inputs_[at->second];
  if (input.useless || input.hessian_bytes() > options_.hessian_bytes) return nullptr;
  if (!input.hessian) {
    const auto in_layer = std::find_if(order_.begin(), place,
                                       [&](size_t i) { return inputs_[i].layer == input.layer; });
    choose_hessians(static_cast<size_t>(in_layer - order_.begin()));
    // A layer that is too large as a whole is gathered from there on.
    if (!input.hessian) choose_hessians(static_cast<size_t>(place - order_.begin()));
    make_pass(-1, true);
  }
  if (!input.hessian->factored() && !input.hessian->factor(layers_->threads())) {
    input.hessian.reset();
    input.useless = true;
  }
  return input.hessian.get();
}

Imatrix Calibration::imatrix(const std::function<std::string(const std::string& matrix)>& name_of) {
  const bool known = std::none_of(inputs_.begin(), inputs_.end(),
                                  [](const Input& input) { return input.means.empty(); });
  if (!known) read_all();
  Imatrix out;
  out.datasets.push_back(tokens_.name);
  out.chunk_count = static_cast<uint32_t>(tokens_.chunks());
  out.chunk_size = static_cast<uint32_t>(tokens_.chunk);
  for (const auto& [matrix, index] : input_of_) {
    const Input& input = inputs_[index];
    Imatrix::Entry& entry = out.entries[name_of(matrix)];
    entry.sums.assign(input.sums.begin(), input.sums.end());
    entry.count = static_cast<float>(input.count);
  }
  return out;
}

}  // namespace nalar::quant
