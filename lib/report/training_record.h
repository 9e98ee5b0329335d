#pragma once

#include <nalar/json.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What a finished (or stopped) training run was and how it went: the one source of run.json, the
// model card and report.html.
namespace nalar::report {

struct CurvePoint {
  int64_t step = 0;
  double loss = 0, lr = 0, gradient_norm = 0, tokens_per_s = 0;
};
struct ValidPoint {
  int64_t step = 0;
  double loss = 0;
};
struct Sample {
  std::string prompt, expected, before, after;
};
struct FileHash {
  std::string name;  // the last part of its path: no folders of this machine
  int64_t bytes = 0;
  std::string sha256;
};

struct TrainingRecord {
  std::string name;  // of the output folder
  std::string date;  // UTC, "2026-11-29T12:00:00Z", or ""
  std::string base_name, base_family;
  std::string base_fingerprint;  // model/fingerprint.h
  std::vector<FileHash> base_files;
  std::vector<FileHash> data_files, valid_files;
  std::vector<FileHash> result_files;  // the trained weights
  std::string method;                  // "LoRA", "QLoRA", "all weights"
  bool whole_model = false;            // the folder is a model, not an adapter
  Json settings;                       // an object: every option in force
  Json data;                           // an object: DatasetReport in figures
  std::string template_sha256;         // or ""
  int64_t clock = 0;                   // of the template, seconds since 1970
  std::vector<int64_t> end_tokens;     // ids that end a turn
  std::vector<std::string> end_pieces;
  std::string nalar_version, nalar_commit, torch_version, isa, cpu, dtype;
  int threads = 0;
  uint64_t seed = 0;
  int64_t trained_parameters = 0, base_parameters = 0;
  int64_t steps = 0, best_step = 0, tokens = 0, label_tokens = 0, peak_bytes = 0;
  double seconds = 0, flops = 0;
  std::string flops_method;      // how they were counted: "4·N·D + …", or ""
  std::optional<double> joules;  // where the machine tells
  std::string stopped_by;        // "steps", "early stop"
  std::vector<CurvePoint> curve;
  std::vector<ValidPoint> valid;  // the first is before training
  std::vector<Sample> samples;
};

// The best validation loss; nullopt without validation.
std::optional<double> best_valid_loss(const TrainingRecord& record);

}  // namespace nalar::report
