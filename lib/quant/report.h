#pragma once

#include <nalar/eval.h>
#include <nalar/json.h>
#include <nalar/quantize.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/gguf_writer.h"
#include "quant/encode_tensor.h"

// Where a quantized file comes from and what it lost: as keys in it and as a report beside it.
namespace nalar::quant {

// Of the activations that the types and roundings were chosen by.
struct StatisticsRecord {
  std::string kind;          // "calibration", "imatrix", "drawn" (drawn_tokens)
  std::string name, sha256;  // empty for drawn ones
  int64_t tokens = 0;        // 0 where it is not known
  int64_t passes = 0;        // over the text
};

struct CheckRecord {
  std::string name;  // of the text
  ReferenceResult result;
};

struct RunRecord {
  std::string source_name;    // without folders
  std::string source_sha256;  // weights_hash
  Json options;
  std::optional<StatisticsRecord> statistics;
  uint32_t file_type = 0;
  double bits_per_weight = 0;
  std::vector<std::string> kept;  // Model::unknown_tensors()
  // Known when the tensors are written; until then the keys have values of the same size.
  std::optional<ErrorSums> errors;
  bool with_check = false;
  std::optional<CheckRecord> check;
  int64_t peak_bytes = 0;  // of memory, resident pages of the source among it
};

Json options_json(const QuantizeOptions& options);
// The keys of the result.
io::GgufKeys result_keys(const io::GgufKeys& source, const RunRecord& run);
struct ResultFile {
  std::string name;  // without folders
  std::string sha256;
  uint64_t bytes = 0;
};
Json report_json(const RunRecord& run, const QuantizePlan& plan, const ResultFile& result);

}  // namespace nalar::quant
