#pragma once

#include <nalar/dtype.h>
#include <nalar/engine.h>
#include <nalar/export.h>
#include <nalar/json.h>
#include <nalar/model.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nalar {

// A type by name for a whole model: which type each of its tensors gets ("Q4_K_M"), as
// llama-quantize chooses. The plain ones give one type to every matrix.
enum class Mix {
  f32,
  f16,
  bf16,
  q8_0,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q2_k,
  q3_k_s,
  q3_k_m,
  q3_k_l,
  q4_k_s,
  q4_k_m,
  q5_k_s,
  q5_k_m,
  q6_k,
  iq4_nl,
  iq4_xs,
};
NALAR_API std::string_view name(Mix mix) noexcept;                        // "Q4_K_M"
NALAR_API std::optional<Mix> parse_mix(std::string_view name);            // any case
NALAR_API std::optional<DType> parse_weight_type(std::string_view name);  // "Q4_K", "F16", any case

struct QuantizeOptions {
  Mix mix = Mix::q4_k_m;
  bool pure = false;  // the mix's main type for every matrix
  // Of the head; of one that is the embedding too, where neither embedding_type nor a pattern names
  // it. Else both come before the patterns, as in llama-quantize.
  std::optional<DType> output_type;
  std::optional<DType> embedding_type;
  std::vector<std::pair<std::string, DType>> tensors;  // regex over names → type; the first holds
  // The best types for this many bytes of file, or bits a weight, between Q2_K and Q8_0: by each
  // matrix's measured error and what such an error does to the model's predictions. At most one.
  std::optional<int64_t> target_bytes;
  std::optional<double> target_bpw;
  // Rounding goes by what a model's matrices see: when it reads 16 tokens drawn at random, if it is
  // told no better. A text file: statistics of it, and feedback.
  std::optional<std::string> calibration;
  std::optional<std::string> imatrix;  // llama.cpp's statistics, read; not beside calibration
  std::optional<std::string> write_imatrix;
  bool feedback = true;  // with calibration
  bool allow_requantize = false;
  int threads = 0;
  std::optional<std::string> check;  // a text file: perplexity and KL against the source

  NALAR_API void validate() const;
};

struct QuantizedTensor {
  std::string name;
  std::vector<int64_t> shape;
  DType from = DType::f32, to = DType::f32;
  bool fell_back = false;  // the mix's type does not fit its rows
  int64_t bytes = 0;
  std::optional<double> relative_rmse;  // ‖W − Ŵ‖ / ‖W‖
  // The same of W x, on what the statistics are of, or on 16 tokens drawn at random: with feedback
  // by the second moments of x, of some rows; else as if the columns of x were uncorrelated.
  std::optional<double> output_error;
};

struct QuantizePlan {
  std::vector<QuantizedTensor> tensors;  // in the order of the file, errors not known yet
  int64_t bytes = 0;                     // of the file
  double bits_per_weight = 0;
};

struct QuantizeEvent {
  // For a target "trying", "measuring"; "calibrating"; a tensor's name; "hashing", "checking"
  std::string_view what;
  int64_t done = 0, total = 0;
};

struct QuantizeControl {
  std::function<bool(const QuantizeEvent&)> on_event;  // false stops: Error(try_again)
};

struct QuantizeResult {
  QuantizePlan plan;  // with errors
  Json report;        // what OUT.report.json holds
};

// Reads nothing but names, shapes and types (and, with a target, the weights). Errors: usage, also
// for a target that cannot be met; bad_data; policy for a source that is quantized already without
// allow_requantize.
NALAR_API QuantizePlan plan_quantize(std::shared_ptr<const Model> model,
                                     const QuantizeOptions& options,
                                     const QuantizeControl& control = {});
// Writes `out` and then out.report.json, each whole or not at all. With `check` the file is
// measured where it is written aside, and gets its name when its keys say how it did. Errors: those
// of plan_quantize; bad_data for a weight that is not finite; cannot_create; io; try_again.
NALAR_API QuantizeResult quantize(std::shared_ptr<const Model> model, const std::string& out,
                                  const QuantizeOptions& options,
                                  const QuantizeControl& control = {});

}  // namespace nalar
