#include "quant/calibration.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/tokenizer.h>

#include <algorithm>
#include <cmath>

#include "base/digest.h"
#include "engine/cpu_engine.h"
#include "eval/owned_sequence.h"
#include "io/file_system.h"
#include "io/folder_file.h"

namespace nalar::quant {
namespace {

constexpr size_t kMaxText = size_t{1} << 30;
constexpr int kChunk = 512;
constexpr size_t kLeastChunks = 4;
// The head's input is looked at in one row of this many: its outputs, V of them, are computed too.
constexpr size_t kHeadStep = 8;

}  // namespace

// Adds what passes to the inputs' sums and Hessians.
class Calibration::Observer final : public LinearObserver {
 public:
  Observer(Calibration& calibration, bool with_sums)
      : calibration_(calibration), with_sums_(with_sums) {}

  void linear_input(const TensorView& weight, MatrixView<const float> rows) override {
    const auto at = calibration_.input_of_.find(std::string(weight.name));
    if (at == calibration_.input_of_.end()) return;
    Input& input = calibration_.inputs_[at->second];
    if (weight.name != input.shown_for) return;
    if (with_sums_) {
      input.count += rows.rows;
      for (int64_t t = 0; t < rows.rows; ++t) {
        const float* const x = rows.row(t);
        for (size_t c = 0; c < input.sums.size(); ++c) input.sums[c] += double{x[c]} * x[c];
      }
    }
    if (input.hessian) input.hessian->add(rows, calibration_.engine_->threads());
  }

 private:
  Calibration& calibration_;
  bool with_sums_;
};

Calibration::Calibration(std::shared_ptr<const Model> model, CalibrationOptions options)
    : model_(std::move(model)), options_(std::move(options)) {
  const int n_ctx = std::min(kChunk, model_->config().n_ctx_train);
  chunk_ = static_cast<size_t>(n_ctx);
  io::in_file(options_.path, [&] { read_text(); });
  list_inputs();
  EngineOptions engine;
  engine.threads = options_.threads;
  engine.n_ctx = n_ctx;
  engine_ = engine::make_cpu_engine(model_, engine);
  if (!order_.empty()) choose_hessians(0);
  pass(true);
  for (Input& input : inputs_) {
    input.means.resize(input.sums.size());
    const auto n = static_cast<double>(std::max<int64_t>(input.count, 1));
    std::transform(input.sums.begin(), input.sums.end(), input.means.begin(),
                   [n](double sum) { return static_cast<float>(sum / n); });
  }
}

Calibration::~Calibration() = default;

void Calibration::read_text() {
  const std::string text = io::read_file(options_.path, kMaxText);
  sha256_ = base::sha256_hex(text);
  const auto tokenizer = open_tokenizer(model_->files());
  ids_ =
      tokenizer->encode(text, {.add_special = true, .parse_special = false, .special_ranges = {}});
  if (tokenizer->adds_bos()) bos_ = tokenizer->special().bos;
  if (ids_.size() < kLeastChunks * chunk_) {
    throw Error(ErrorKind::bad_data,
                fmt::format("too short to calibrate with: got {} tokens, need {}", ids_.size(),
                            kLeastChunks * chunk_));
  }
  ids_.resize(ids_.size() / chunk_ * chunk_);
}

void Calibration::add_input(std::initializer_list<const TensorView*> matrices, bool of_head) {
  Input input;
  input.columns = (*matrices.begin())->columns();
  input.sums.resize(static_cast<size_t>(input.columns));
  input.shown_for = (*matrices.begin())->name;
  input.of_head = of_head;
  for (const TensorView* matrix : matrices) {
    input_of_.emplace(std::string(matrix->name), inputs_.size());
  }
  inputs_.push_back(std::move(input));
}

void Calibration::list_inputs() {
  const Weights& weights = model_->weights();
  for (const LayerWeights& w : weights.layers) {
    add_input({&w.q, &w.k, &w.v});
    add_input({&w.o});
    add_input({&w.gate, &w.up});
    add_input({&w.down});
  }
  add_input({&weights.head}, true);
  for (const std::string& matrix : options_.feedback) {
    const auto at = input_of_.find(matrix);
    if (at == input_of_.end()) continue;
    if (std::find(order_.begin(), order_.end(), at->second) == order_.end()) {
      order_.push_back(at->second);
    }
  }
}

void Calibration::choose_hessians(size_t first) {
  for (Input& input : inputs_) input.hessian.reset();
  int64_t left = options_.hessian_bytes;
  for (size_t i = first; i < order_.size(); ++i) {
    Input& input = inputs_[order_[i]];
    if (input.hessian_bytes() > options_.hessian_bytes) continue;
    if (input.hessian_bytes() > left) return;
    left -= input.hessian_bytes();
    input.hessian = std::make_unique<Hessian>(input.columns);
  }
}

void Calibration::pass(bool with_sums) {
  Observer observer(*this, with_sums);
  const bool head = with_sums || std::any_of(inputs_.begin(), inputs_.end(),
                                             [](const Input& i) { return i.of_head && i.hessian; });
  std::vector<int32_t> rows;
  for (size_t t = kHeadStep - 1; head && t < chunk_; t += kHeadStep) {
    rows.push_back(static_cast<int32_t>(t));
  }
  const auto vocab = static_cast<int64_t>(model_->config().vocab_size);
  std::vector<float> logits(rows.size() * static_cast<size_t>(vocab));
  const MatrixView<float> out{logits.data(), static_cast<int64_t>(rows.size()), vocab, vocab};
  const auto total = static_cast<int64_t>(ids_.size() / chunk_);
  engine_->observe(&observer);
  for (int64_t i = 0; i < total; ++i) {
    if (options_.on_chunk) options_.on_chunk(i, total);
    const auto begin = ids_.begin() + static_cast<std::ptrdiff_t>(i * static_cast<int64_t>(chunk_));
    std::vector<TokenId> tokens(begin, begin + static_cast<std::ptrdiff_t>(chunk_));
    if (bos_) tokens.front() = *bos_;
    const eval::OwnedSequence sequence(*engine_, engine_->create());
    const Slice slice{sequence.id(), tokens, rows};
    engine_->forward({&slice, 1}, out);
  }
  engine_->observe(nullptr);
  ++passes_;
  for (Input& input : inputs_) {
    if (input.hessian && !input.hessian->factor(engine_->threads())) {
      input.hessian.reset();
      input.useless = true;
    }
  }
}

std::span<const float> Calibration::importance(const std::string& matrix) const {
  const auto at = input_of_.find(matrix);
  return at == input_of_.end() ? std::span<const float>() : inputs_[at->second].means;
}

std::optional<std::string> Calibration::overflown() const {
  for (const Input& input : inputs_) {
    const bool finite = std::all_of(input.means.begin(), input.means.end(),
                                    [](float mean) { return std::isfinite(mean); });
    if (!finite) return input.shown_for;
  }
  return std::nullopt;
}

const Hessian* Calibration::hessian(const std::string& matrix) {
  const auto at = input_of_.find(matrix);
  if (at == input_of_.end()) return nullptr;
  const auto place = std::find(order_.begin(), order_.end(), at->second);
  if (place == order_.end()) return nullptr;
  Input& input = inputs_[at->second];
  if (input.useless || input.hessian_bytes() > options_.hessian_bytes) return nullptr;
  if (!input.hessian) {
    choose_hessians(static_cast<size_t>(place - order_.begin()));
    pass(false);
  }
  return input.hessian.get();
}

Imatrix Calibration::imatrix(
    const std::function<std::string(const std::string& matrix)>& name_of) const {
  Imatrix out;
  out.datasets.emplace_back(io::name_of(options_.path));
  out.chunk_count = static_cast<uint32_t>(ids_.size() / chunk_);
  out.chunk_size = static_cast<uint32_t>(chunk_);
  for (const auto& [matrix, index] : input_of_) {
    const Input& input = inputs_[index];
    Imatrix::Entry& entry = out.entries[name_of(matrix)];
    entry.sums.assign(input.sums.begin(), input.sums.end());
    entry.count = static_cast<float>(input.count);
  }
  return out;
}

}  // namespace nalar::quant
