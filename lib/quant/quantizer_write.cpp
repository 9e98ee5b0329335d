#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/eval.h>
#include <nalar/log.h>
#include <nalar/tokenizer.h>

#include <algorithm>
#include <cmath>

#include "base/memory.h"
#include "base/utf8.h"
#include "engine/cpu_engine.h"
#include "eval/text_windows.h"
#include "eval/weights_hash.h"
#include "io/atomic_file.h"
#include "io/file_hash.h"
#include "io/file_modes.h"
#include "io/folder_file.h"
#include "quant/quantizer.h"

namespace nalar::quant {
namespace {

constexpr size_t kMaxText = size_t{1} << 30;
constexpr int kCheckWindow = 512;  // tokens: what evaluate_against_reference takes

}  // namespace

void Quantizer::refuse_place(const std::string& path, std::string_view what) const {
  io::require_folder_of(files_, path);
  if (files_.kind(path) == io::PathKind::missing) return;
  const std::string there = files_.canonical(path);
  for (const std::string& weights : model_->files().weight_paths()) {
    if (files_.canonical(weights) != there) continue;
    throw Error(ErrorKind::usage, fmt::format("{} is the model itself", what)).in_file(path);
  }
  throw Error(ErrorKind::cannot_create, "it exists already").in_file(path);
}

void Quantizer::refuse_out(const std::string& out) const {
  refuse_place(out, "OUT");
  const std::string folder = io::folder_of(out);
  if (options_.write_imatrix) {
    refuse_place(*options_.write_imatrix, "--write-imatrix");
    const auto place = [&](const std::string& path) {
      const std::string above = io::folder_of(path);
      return io::join(files_.canonical(above.empty() ? "." : above), io::name_of(path));
    };
    if (place(*options_.write_imatrix) == place(out)) {
      throw Error(ErrorKind::usage, "--write-imatrix is OUT itself").in_file(out);
    }
  }
  const uint64_t free = files_.free_bytes(folder.empty() ? "." : folder);
  const auto need = static_cast<uint64_t>(plan().bytes);
  if (free < need) {
    throw Error(ErrorKind::io,
                fmt::format("the disk has no room: {} bytes are free, need {}", free, need))
        .in_file(out);
  }
}

void Quantizer::write_tensor(size_t i, io::OutputFile& file, eval::WeightsHasher& hasher) {
  const SourceTensor& tensor = source_.tensors[i];
  QuantizedTensor& result = tensors_[i];
  const auto total = static_cast<int64_t>(tensors_.size());
  tell(tensor.name, static_cast<int64_t>(i), total);
  if (tensor.elements() == 0) return;
  if (result.from == result.to && !tensor.bytes.empty()) {
    refuse_not_finite(tensor, pool_);  // what is copied must be numbers too
    file.write(tensor.bytes);
  } else {
    EncodeRequest request;
    request.tensor = &tensor;
    request.to = result.to;
    if (is_steered(tensor, result.to)) {
      if (statistics_ && options_.feedback) {
        request.hessian = statistics_->hessian(matrix_of(tensor));
        const bool known = calibration_ != nullptr && calibration_->layer_of(tensor.model_name);
        if (known && request.hessian == nullptr) without_feedback_.push_back(i);
      }
      request.importance = importance_of(tensor);
    }
    const BlockSize block = block_size(tensor.dtype);
    const int64_t row_bytes = tensor.columns() / block.elements * block.bytes;
    const auto beside = [&](int64_t rows) {
      tell(tensor.name, static_cast<int64_t>(i), total);
      hasher.advance(static_cast<uint64_t>(rows * row_bytes));
    };
    const ErrorSums sums = encode_tensor(
        request, pool_, {[&](std::span<const std::byte> bytes) { file.write(bytes); }, beside});
    result.relative_rmse = relative(sums.weight_error, sums.weight);
    if (!request.importance.of_column.empty()) {
      result.output_error = relative(sums.output_error, sums.output);
    }
    errors_ += sums;
  }
  tensor.release();
}

// One walk through the layers of `walked` is enough in turn, each just before its matrices are
// encoded.
std::vector<io::GgufTensorToWrite> Quantizer::tensors_to_write(const Calibration* walked,
                                                               eval::WeightsHasher& hasher) {
  std::vector<io::GgufTensorToWrite> tensors;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    tensors.push_back(
        {tensors_[i].name, tensors_[i].to, tensors_[i].shape,
         [this, i, &hasher](io::OutputFile& file) { write_tensor(i, file, hasher); }});
    if (walked != nullptr) tensors.back().turn = walked->layer_of(source_.tensors[i].model_name);
  }
  return tensors;
}

void Quantizer::tell_lack_of_feedback() const {
  if (without_feedback_.empty()) return;
  const size_t more = without_feedback_.size() - 1;
  notice(fmt::format(
      "rounded without error feedback: {}{}; the second moments of the inputs take more "
      "memory than there is, or cannot be inverted",
      base::escaped(tensors_[without_feedback_.front()].name),
      more > 0 ? fmt::format(" and {} more", more) : ""));
}

void Quantizer::read_check_text() {
  io::in_file(*options_.check, [&] {
    check_text_ = io::read_file(*options_.check, kMaxText);
    if (!base::is_valid_utf8(check_text_)) throw Error(ErrorKind::bad_data, "not UTF-8 text");
    const auto tokenizer = open_tokenizer(model_->files());
    const auto ids = tokenizer->encode(
        check_text_, {.add_special = true, .parse_special = false, .special_ranges = {}});
    TextOptions options;
    options.window = std::min(kCheckWindow, model_->config().n_ctx_train);
    const eval::TextWindows refuses_what_is_too_short(ids, options, std::nullopt);
  });
}

void Quantizer::check(const std::string& path) {
  EngineOptions options;
  options.threads = pool_.size();
  const auto open = [&](const std::shared_ptr<const Model>& model) {
    return std::pair(engine::make_cpu_engine(model, options), open_tokenizer(model->files()));
  };
  const auto made = open(open_model(path, {.keep_unknown_tensors = !unknown_.empty()}));
  const auto source = open(model_);
  EvalControl control;
  control.on_event = [this](const EvalEvent& event) {
    tell("checking", event.done, event.total);
    return true;
  };
  run_.check = CheckRecord{std::string(io::name_of(*options_.check)),
                           evaluate_against_reference({made.first.get(), made.second, {}},
                                                      {source.first.get(), source.second, {}},
                                                      check_text_, {}, control)};
}

QuantizeResult Quantizer::write(const std::string& out) {
  refuse_out(out);
  if (options_.check) read_check_text();
  const std::vector<std::string> steered = steered_matrices();
  open_statistics(steered);
  std::optional<Imatrix> imatrix;
  if (options_.write_imatrix) {
    for (const SourceTensor& tensor : source_.tensors) importance_of(tensor);
    imatrix = calibration_->imatrix([this](const std::string& matrix) {
      const auto at =
          std::find_if(source_.tensors.begin(), source_.tensors.end(),
                       [&](const SourceTensor& tensor) { return tensor.model_name == matrix; });
      return at->name;
    });
  }
  eval::WeightsHasher hasher(model_->files().weight_paths());
  const std::vector<io::GgufTensorToWrite> tensors =
      tensors_to_write(steered.empty() ? nullptr : walked_in_turn(), hasher);
  ResultFile result{std::string(io::name_of(out)), {}, 0};
  io::write_atomically(files_, out, io::kSharedFile, [&](io::OutputFile& file) {
    const io::GgufKeys keys = result_keys(source_.keys, run_);
    io::write_gguf(file, keys, tensors);
    tell_lack_of_feedback();
    run_.errors = errors_;
    tell("hashing", 0, 1);
    run_.source_sha256 = hasher.hex();
    if (options_.check) check(file.path());
    io::rewrite_gguf_keys(file, keys, result_keys(source_.keys, run_), tensors);
    const io::FileDigest digest = io::digest_of(files_, file.path());
    result.sha256 = digest.sha256;
    result.bytes = digest.bytes;
    // Not before there is nothing left that may be stopped: the same command again would refuse it.
    if (imatrix) write_imatrix(files_, *options_.write_imatrix, *imatrix);
  });
  if (options_.calibration) run_.statistics->passes = calibration_->passes();
  run_.peak_bytes = base::peak_memory();
  QuantizeResult done{plan(), {}};
  done.report = report_json(run_, done.plan, result);
  io::write_atomically(files_, out + ".report.json", io::kSharedFile,
                       to_text(done.report, 2) + "\n");
  return done;
}

}  // namespace nalar::quant
