#pragma once

#include <nalar/json.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// What a finished (or stopped) training run was and how it went: the one source of run.json, the
// model card and report.html.
namespace nalar::report {

struct CurvePoint {
  int64_t step;
  double loss, lr, gradient_norm, tokens_per_s;
};
struct ValidPoint {
  int64_t step;
  double loss;
};
struct Sample {
  std::string prompt, expected, before, after;
};
struct FileHash {
  std::string name;  // the last part of its path: no folders of this machine
  int64_t bytes;
  std::string sha256;
};

struct TrainingRecord {
  std::string name;                 // of the output folder
  std::string base_name, base_family;
  std::vector<FileHash> base_files;
  std::vector<FileHash> data_files, valid_files;
  std::string method;               // "LoRA", "QLoRA", "all weights"
  Json settings;                    // every option in force
  Json data;                        // DatasetReport in figures
  std::string template_sha256;      // or ""
  std::vector<int64_t> end_tokens;  // ids that end a turn
  std::vector<std::string> end_pieces;
  std::string nalar_version, torch_version, isa, cpu, dtype;
  int threads = 0;
  uint64_t seed = 0;
  int64_t trained_parameters = 0, base_parameters = 0;
  int64_t steps = 0, best_step = 0, tokens = 0, label_tokens = 0, peak_bytes = 0;
  double seconds = 0, flops = 0;
  std::optional<double> joules;     // where the machine tells
  std::string stopped_by;           // "steps", "early stop"
  std::vector<CurvePoint> curve;
  std::vector<ValidPoint> valid;    // the first is before training
  std::vector<Sample> samples;
};

}  // namespace nalar::report
