#include "quant/report.h"

#include <nalar/version.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace nalar::quant {
namespace {

// Version of the quantized formats, which readers hold against theirs.
constexpr uint32_t kQuantizationVersion = 2;

Json optional_number(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json estimate_json(const Estimate& estimate) {
  return Json::Object{{"value", estimate.value}, {"error", estimate.error}};
}

Json check_json(const CheckRecord& check) {
  const ReferenceResult& r = check.result;
  Json::Array quantiles;
  for (const ReferenceResult::Quantile& q : r.quantiles) {
    quantiles.push_back(Json::Object{{"q", q.q}, {"kl", q.kl}, {"dp", q.dp}});
  }
  return Json::Object{{"text", check.name},
                      {"text_sha256", r.text.sha256},
                      {"convention", name(r.text.options.convention)},
                      {"window", r.text.options.window},
                      {"scored", r.text.scored},
                      {"perplexity", estimate_json(r.text.perplexity)},
                      {"perplexity_of_source", estimate_json(r.reference.perplexity)},
                      {"kl_divergence", estimate_json(r.kl)},
                      {"kl_max", r.kl_max},
                      {"same_top", estimate_json(r.same_top)},
                      {"dp_rms", estimate_json(r.dp_rms)},
                      {"quantiles", std::move(quantiles)}};
}

Json tensor_json(const QuantizedTensor& tensor) {
  int64_t weights = 1;
  for (const int64_t d : tensor.shape) weights *= d;
  const double bits =
      weights > 0 ? 8.0 * static_cast<double>(tensor.bytes) / static_cast<double>(weights) : 0;
  return Json::Object{{"name", tensor.name},
                      {"shape", Json::Array(tensor.shape.begin(), tensor.shape.end())},
                      {"from", name(tensor.from)},
                      {"to", name(tensor.to)},
                      {"fell_back", tensor.fell_back},
                      {"bytes", tensor.bytes},
                      {"bits", bits},
                      {"relative_rmse", optional_number(tensor.relative_rmse)},
                      {"output_error", optional_number(tensor.output_error)}};
}

// Tensors, weights and bytes of each type, the largest first.
Json types_json(const QuantizePlan& plan) {
  struct Sum {
    DType type;
    int64_t tensors = 0, weights = 0, bytes = 0;
  };
  std::vector<Sum> sums;
  for (const QuantizedTensor& tensor : plan.tensors) {
    auto at = std::find_if(sums.begin(), sums.end(),
                           [&](const Sum& sum) { return sum.type == tensor.to; });
    if (at == sums.end()) at = sums.insert(at, Sum{tensor.to});
    int64_t weights = 1;
    for (const int64_t d : tensor.shape) weights *= d;
    ++at->tensors;
    at->weights += weights;
    at->bytes += tensor.bytes;
  }
  std::stable_sort(sums.begin(), sums.end(),
                   [](const Sum& a, const Sum& b) { return a.bytes > b.bytes; });
  Json::Array out;
  for (const Sum& sum : sums) {
    out.push_back(Json::Object{{"type", name(sum.type)},
                               {"tensors", sum.tensors},
                               {"weights", sum.weights},
                               {"bytes", sum.bytes}});
  }
  return out;
}

}  // namespace

Json options_json(const QuantizeOptions& options) {
  Json::Object out;
  const bool search = options.target_bytes || options.target_bpw;
  if (!search) out.emplace_back("type", name(options.mix));
  if (options.pure) out.emplace_back("pure", true);
  if (options.output_type) out.emplace_back("output_type", name(*options.output_type));
  if (options.embedding_type) out.emplace_back("embedding_type", name(*options.embedding_type));
  if (!options.tensors.empty()) {
    Json::Array tensors;
    for (const auto& [pattern, type] : options.tensors) {
      tensors.emplace_back(pattern + "=" + std::string(name(type)));
    }
    out.emplace_back("tensor", std::move(tensors));
  }
  if (options.target_bytes) out.emplace_back("target_size", *options.target_bytes);
  if (options.target_bpw) out.emplace_back("target_bpw", *options.target_bpw);
  if (options.calibration) out.emplace_back("feedback", options.feedback);
  if (options.allow_requantize) out.emplace_back("allow_requantize", true);
  return out;
}

io::GgufKeys result_keys(const io::GgufKeys& source, const RunRecord& run) {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  io::GgufKeys keys = source;
  const auto number = [&](std::string_view key, double value) {
    keys.set_f32(key, static_cast<float>(value));
  };
  keys.set_u32("general.file_type", run.file_type);
  keys.set_u32("general.quantization_version", kQuantizationVersion);
  keys.set("nalar.version", version_info().version);
  keys.set("nalar.commit", version_info().commit);
  keys.set("nalar.source.name", run.source_name);
  keys.set("nalar.source.sha256", run.source_sha256);
  keys.set("nalar.quantize.options", to_text(run.options));
  number("nalar.quantize.bits_per_weight", run.bits_per_weight);
  number("nalar.quantize.relative_rmse",
         run.errors ? relative(run.errors->weight_error, run.errors->weight) : kUnknown);
  if (run.statistics && !run.statistics->sha256.empty()) {
    keys.set("nalar.quantize." + run.statistics->kind + "_sha256", run.statistics->sha256);
  }
  if (run.with_check) {
    const ReferenceResult* const r = run.check ? &run.check->result : nullptr;
    keys.set("nalar.check.text_sha256", r != nullptr ? r->text.sha256 : std::string(64, '0'));
    number("nalar.check.perplexity", r != nullptr ? r->text.perplexity.value : kUnknown);
    number("nalar.check.perplexity_of_source",
           r != nullptr ? r->reference.perplexity.value : kUnknown);
    number("nalar.check.kl_divergence", r != nullptr ? r->kl.value : kUnknown);
    number("nalar.check.same_top", r != nullptr ? r->same_top.value : kUnknown);
  }
  return keys;
}

Json report_json(const RunRecord& run, const QuantizePlan& plan, const ResultFile& result) {
  const VersionInfo version = version_info();
  Json report = Json::Object{
      {"version", version.version},
      {"commit", version.commit},
      {"source", Json::Object{{"name", run.source_name}, {"sha256", run.source_sha256}}},
      {"result", Json::Object{{"name", result.name},
                              {"sha256", result.sha256},
                              {"bytes", static_cast<int64_t>(result.bytes)}}},
      {"options", run.options},
      {"bits_per_weight", run.bits_per_weight}};
  if (run.errors) {
    report.set("relative_rmse", relative(run.errors->weight_error, run.errors->weight));
  }
  if (run.statistics) {
    Json statistics = Json::Object{{"kind", run.statistics->kind}};
    if (!run.statistics->sha256.empty()) {
      statistics.set("name", run.statistics->name);
      statistics.set("sha256", run.statistics->sha256);
    }
    if (run.statistics->tokens > 0) statistics.set("tokens", run.statistics->tokens);
    if (run.statistics->passes > 0) statistics.set("passes", run.statistics->passes);
    report.set("statistics", std::move(statistics));
  }
  report.set("peak_bytes", run.peak_bytes);
  if (run.check) report.set("check", check_json(*run.check));
  if (!run.kept.empty()) report.set("kept", Json::Array(run.kept.begin(), run.kept.end()));
  report.set("types", types_json(plan));
  Json::Array tensors;
  for (const QuantizedTensor& tensor : plan.tensors) tensors.push_back(tensor_json(tensor));
  report.set("tensors", std::move(tensors));
  return report;
}

}  // namespace nalar::quant
