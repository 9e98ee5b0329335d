#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

#include "base/utf8.h"
#include "io/file_hash.h"
#include "io/folder_file.h"
#include "quant/quantizer.h"

namespace nalar::quant {
namespace {

bool all_zero(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return v == 0; });
}

}  // namespace

const std::string& Quantizer::matrix_of(const SourceTensor& tensor) const {
  return calibration_ != nullptr ? tensor.model_name : tensor.name;
}

void Quantizer::open_statistics(std::vector<std::string> steered) {
  if (statistics_) return;
  if (options_.imatrix) {
    read_imatrix_file();
  } else if (options_.calibration) {
    CalibrationOptions how;
    how.threads = pool_.size();
    how.on_step = [this](int64_t done, int64_t total) { tell("calibrating", done, total); };
    if (options_.feedback && purpose_ == Purpose::write) how.feedback = std::move(steered);
    auto calibration = std::make_unique<Calibration>(
        model_, tokens_of_text(*model_, *options_.calibration), std::move(how));
    const CalibrationTokens& tokens = calibration->tokens();
    run_.statistics = {"calibration", tokens.name, tokens.sha256, tokens.count(), 0};
    calibration_ = calibration.get();
    statistics_ = std::move(calibration);
  }
}

void Quantizer::read_imatrix_file() {
  const Imatrix imatrix = read_imatrix(files_, *options_.imatrix);
  auto statistics = std::make_unique<ImatrixStatistics>(imatrix);
  bool known = false;
  for (const SourceTensor& tensor : source_.tensors) {
    const size_t n = statistics->importance(tensor.name).size();
    known = known || n > 0;
    if (n == 0 || static_cast<int64_t>(n) == tensor.columns()) continue;
    throw Error(ErrorKind::bad_data, fmt::format("tensor {}: got {} columns, the model has {}",
                                                 base::escaped(tensor.name), n, tensor.columns()))
        .in_file(*options_.imatrix);
  }
  if (!known) {
    throw Error(ErrorKind::bad_data, "it knows none of the model's matrices")
        .in_file(*options_.imatrix);
  }
  run_.statistics = {"imatrix", std::string(io::name_of(*options_.imatrix)),
                     io::digest_of(files_, *options_.imatrix).sha256,
                     int64_t{imatrix.chunk_count} * imatrix.chunk_size, 0};
  statistics_ = std::move(statistics);
}

Calibration& Quantizer::drawn() {
  if (!drawn_) {
    CalibrationOptions how;
    how.threads = pool_.size();
    how.by_layers = true;
    drawn_ = std::make_unique<Calibration>(model_, drawn_tokens(*model_), std::move(how));
    if (!run_.statistics) run_.statistics = {"drawn", "", "", drawn_->tokens().count(), 0};
  }
  return *drawn_;
}

Importance Quantizer::importance_of(const SourceTensor& tensor) {
  if (statistics_) {
    const std::span<const float> means = statistics_->importance(matrix_of(tensor));
    if (!all_finite(means)) {
      for (const SourceTensor& any : source_.tensors) refuse_not_finite(any, pool_);
      throw Error(ErrorKind::bad_data,
                  fmt::format("what tensor {} is multiplied with is not finite in this text",
                              base::escaped(matrix_of(tensor))))
          .in_file(*options_.calibration);
    }
    if (!all_zero(means)) return {means, true};
    if (options_.calibration) return {};
  }
  return drawn_importance(tensor.model_name);
}

Importance Quantizer::drawn_importance(const std::string& matrix) {
  const std::span<const float> means = drawn().importance(matrix);
  if (!all_finite(means) || all_zero(means)) return {};  // a text may do better
  return {means, false};
}

const Calibration* Quantizer::walked_in_turn() {
  if (options_.calibration) return options_.feedback ? calibration_ : nullptr;
  return options_.imatrix ? nullptr : &drawn();
}

}  // namespace nalar::quant
