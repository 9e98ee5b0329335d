#include "quant/quantizer.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/eval.h>
#include <nalar/log.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "io/atomic_file.h"
#include "io/file_hash.h"
#include "io/file_modes.h"
#include "io/folder_file.h"
#include "kernels/isa.h"
#include "model/weights.h"
#include "quant/encode.h"
#include "quant/search.h"

namespace nalar::quant {
namespace {

// Until it is computed, for the size.
std::string no_hash() { return std::string(64, '0'); }

bool is_requantized(DType from, DType to) {
  return is_quantized(from) && is_quantized(to) && from != to;
}

int64_t bytes_of(const SourceTensor& tensor, DType type) {
  const BlockSize block = block_size(type);
  return tensor.elements() / block.elements * block.bytes;
}

MixModel mix_model(const Model& model, const QuantizeOptions& options) {
  const ModelConfig& config = model.config();
  const AttentionSpec& attention = config.layers.front().attention;
  return {config.family, config.n_layers(), attention.n_heads, attention.n_kv_heads,
          options.calibration || options.imatrix};
}

// Relative to the weights of all: what is left as it is counts too.
double bits_per_weight(const std::vector<QuantizedTensor>& tensors) {
  double bytes = 0, weights = 0;
  for (const QuantizedTensor& tensor : tensors) {
    double n = 1;
    for (const int64_t d : tensor.shape) n *= static_cast<double>(d);
    weights += n;
    bytes += static_cast<double>(tensor.bytes);
  }
  return weights > 0 ? 8 * bytes / weights : 0;
}

// The type of most weights: what a file is named by.
DType most_frequent(const std::vector<QuantizedTensor>& tensors) {
  std::vector<std::pair<DType, double>> sums;
  for (const QuantizedTensor& tensor : tensors) {
    const auto at = std::find_if(sums.begin(), sums.end(),
                                 [&](const auto& sum) { return sum.first == tensor.to; });
    const auto bytes = static_cast<double>(tensor.bytes);
    const double weights = bytes * block_size(tensor.to).elements / block_size(tensor.to).bytes;
    if (at == sums.end()) {
      sums.emplace_back(tensor.to, weights);
    } else {
      at->second += weights;
    }
  }
  return std::max_element(sums.begin(), sums.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

}  // namespace

Quantizer::Quantizer(io::FileSystem& files, std::shared_ptr<const Model> model, Source source,
                     const QuantizeOptions& options, const QuantizeControl& control,
                     Purpose purpose)
    : files_(files),
      model_(std::move(model)),
      source_(std::move(source)),
      options_(options),
      control_(control),
      purpose_(purpose),
      pool_(options.threads > 0 ? options.threads : default_threads()) {
  options_.validate();
  kernels::chosen_isa();  // a bad NALAR_ISA is told here: the encoders cannot
  run_.source_name = io::name_of(model_->files().path());
  run_.source_sha256 = no_hash();
  run_.options = options_json(options_);
  run_.with_check = options_.check.has_value();
  if (options_.calibration) run_.statistics = {"calibration", "", no_hash(), 0, 0};
  if (options_.imatrix) run_.statistics = {"imatrix", "", no_hash(), 0, 0};
  for (const TensorView& view : model_->unknown_tensors()) {
    unknown_.insert(view.name);
    run_.kept.emplace_back(view.name);
  }
  if (!unknown_.empty()) {
    notice(model::describe_kept(model_->unknown_tensors(), model_->config().family, true));
  }
  choose();
}

Quantizer::~Quantizer() = default;

void Quantizer::tell(std::string_view what, int64_t done, int64_t total) const {
  if (!control_.on_event || control_.on_event({what, done, total})) return;
  throw Error(ErrorKind::try_again, "stopped, nothing was written", "the same command again");
}

MixTensor Quantizer::seen(const SourceTensor& tensor) const {
  return {tensor.name, tensor.dtype, tensor.shape, unknown_.count(tensor.model_name) == 0};
}

void Quantizer::choose() {
  std::vector<MixTensor> tensors;
  for (const SourceTensor& tensor : source_.tensors) tensors.push_back(seen(tensor));
  std::vector<MixChoice> choices = choose_types(options_, mix_model(*model_, options_), tensors);
  refuse_requantizing(choices);
  if (searches()) {
    std::vector<std::string> steered;
    for (size_t i = 0; i < choices.size(); ++i) {
      const SourceTensor& tensor = source_.tensors[i];
      if (is_searched(choices[i]) ? is_quantized(candidate_types(tensor.columns()).front())
                                  : is_steered(tensor, choices[i].type)) {
        steered.push_back(tensor.model_name);
      }
    }
    open_statistics(std::move(steered));
    search_types(choices);
  }
  for (size_t i = 0; i < choices.size(); ++i) {
    const SourceTensor& tensor = source_.tensors[i];
    QuantizedTensor result;
    result.name = tensor.name;
    result.shape = tensor.shape;
    result.from = tensor.dtype;
    result.to = choices[i].type;
    result.fell_back = choices[i].fell_back;
    result.bytes = bytes_of(tensor, result.to);
    tensors_.push_back(std::move(result));
  }
  refuse_useless_statistics();
  tell_requantizing();
  run_.file_type = file_type(searches() ? mix_of(most_frequent(tensors_)) : options_.mix);
  run_.bits_per_weight = bits_per_weight(tensors_);
}

// Before a search, which would end in other types.
void Quantizer::refuse_requantizing(const std::vector<MixChoice>& choices) const {
  for (size_t i = 0; i < choices.size() && !options_.allow_requantize; ++i) {
    const SourceTensor& tensor = source_.tensors[i];
    const bool searched = searches() && is_searched(choices[i]);
    if (!is_quantized(tensor.dtype)) continue;
    if (!searched && !is_requantized(tensor.dtype, choices[i].type)) continue;
    throw Error(ErrorKind::policy,
                fmt::format("tensor {} is {} already: quantizing it again{} loses more",
                            base::escaped(tensor.name), name(tensor.dtype),
                            searched ? "" : fmt::format(" to {}", name(choices[i].type))),
                "the F16 or F32 original, or --allow-requantize")
        .in_file(model_->files().path());
  }
}

void Quantizer::tell_requantizing() const {
  const auto again = std::count_if(
      tensors_.begin(), tensors_.end(),
      [](const QuantizedTensor& tensor) { return is_requantized(tensor.from, tensor.to); });
  if (again == 0) return;
  notice(fmt::format("{}: {} tensors are quantized already; what that lost stays lost",
                     model_->files().path(), again));
}

bool Quantizer::is_steered(const SourceTensor& tensor, DType to) {
  const bool copied = tensor.dtype == to && !tensor.bytes.empty();
  return is_quantized(to) && !copied;
}

std::vector<std::string> Quantizer::steered_matrices() const {
  std::vector<std::string> out;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const SourceTensor& tensor = source_.tensors[i];
    if (is_steered(tensor, tensors_[i].to)) out.push_back(tensor.model_name);
  }
  return out;
}

void Quantizer::refuse_useless_statistics() const {
  if (!is_measured() || options_.write_imatrix || !steered_matrices().empty()) return;
  throw Error(ErrorKind::usage, fmt::format("{} changes nothing: no tensor gets a quantized type",
                                            options_.imatrix ? "--imatrix" : "--calibrate"));
}

QuantizePlan Quantizer::plan() const {
  std::vector<io::GgufTensorToWrite> tensors;
  for (const QuantizedTensor& tensor : tensors_) {
    tensors.push_back({tensor.name, tensor.to, tensor.shape, {}});
  }
  QuantizePlan plan;
  plan.tensors = tensors_;
  plan.bytes = static_cast<int64_t>(io::gguf_size(result_keys(source_.keys, run_), tensors));
  plan.bits_per_weight = run_.bits_per_weight;
  return plan;
}

Sensitivities Quantizer::find_sensitivities(std::set<std::string> matrices) {
  for (const SourceTensor& tensor : source_.tensors) {
    if (matrices.count(tensor.model_name) > 0) refuse_not_finite(tensor, pool_);
  }
  SensitivityRequest request;
  request.model = model_;
  request.tokens = drawn_tokens(*model_);
  request.matrices = matrices;
  request.importance = [this](const std::string& matrix) { return drawn_importance(matrix); };
  request.on_step = [this](int64_t done, int64_t total) { tell("trying", done, total); };
  Sensitivities found = measure_sensitivities(request, pool_);
  if (found.empty() && !matrices.empty()) {
    notice(
        "types are chosen as if errors of all matrices cost the same: what they cost cannot be "
        "measured");
  }
  // One that could not be tried is as the others are.
  double logarithms = 0;
  for (const auto& [matrix, cost] : found) logarithms += std::log(std::max(cost, 1e-30));
  const double usual = found.empty() ? 1 : std::exp(logarithms / static_cast<double>(found.size()));
  for (const std::string& matrix : matrices) found.try_emplace(matrix, usual);
  return found;
}

void Quantizer::search_types(std::vector<MixChoice>& choices) {
  // The keys and the table of tensors take the same whatever the types are.
  std::vector<io::GgufTensorToWrite> empty;
  int64_t weights = 0;
  for (const SourceTensor& tensor : source_.tensors) {
    empty.push_back({tensor.name, tensor.dtype, {0}, {}});
    empty.back().shape.resize(tensor.shape.size(), 0);
    weights += tensor.elements();
  }
  SearchRequest request;
  request.source = &source_;
  if (options_.target_bytes) {
    request.alignment = static_cast<int64_t>(source_.keys.alignment());
    const auto rest = static_cast<int64_t>(io::gguf_size(result_keys(source_.keys, run_), empty));
    request.budget = *options_.target_bytes - rest;
    request.describe = [rest](int64_t bytes) { return fmt::format("{} bytes", bytes + rest); };
  } else {
    const auto n = static_cast<double>(weights);
    request.budget = static_cast<int64_t>(*options_.target_bpw * n / 8);
    request.describe = [n](int64_t bytes) {
      return fmt::format("{:.4f} bits a weight", 8 * static_cast<double>(bytes) / n);
    };
  }
  std::set<std::string> matrices;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (is_searched(choices[i])) matrices.insert(source_.tensors[i].model_name);
  }
  Sensitivities costs;  // when the target is known to be possible
  request.cost = [&](const SourceTensor& tensor) {
    if (costs.empty()) costs = find_sensitivities(matrices);
    return costs.at(tensor.model_name);
  };
  request.importance = [this](const SourceTensor& tensor) { return importance_of(tensor); };
  request.on_tensor = [this](int64_t done, int64_t total) { tell("measuring", done, total); };
  quant::search_types(request, choices, pool_);
}

}  // namespace nalar::quant
