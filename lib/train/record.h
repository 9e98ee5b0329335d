#pragma once

#include <nalar/finetune.h>
#include <nalar/json.h>
#include <nalar/model.h>

#include <string>
#include <vector>

#include "io/file_system.h"
#include "report/training_record.h"
#include "train/train_state.h"
#include "train/training_data.h"

namespace nalar::train {

// What a record is made of. Borrows everything.
struct RecordParts {
  const Model& base;
  const FinetuneOptions& options;
  const TrainingData& data;
  const TrainState& state;
  std::string torch_version;
  std::string stopped_by;  // "steps", "early stop"
  int64_t trained_parameters = 0;
  int threads = 0;
};

// What the training was and how it went, without samples. Reads the files of base and data, for
// their hashes. Errors: no_input, io.
report::TrainingRecord make_record(const RecordParts& parts);

// run.json, README.md and report.html, each atomically. Errors: cannot_create, io.
void write_reports(io::FileSystem& files, const std::string& folder,
                   const report::TrainingRecord& record);

// Multiplications and additions a token, by the usual count: two a weight forwards, two backwards
// for the gradient of the input and two for that of a weight, where there is one. Attention's
// scores are left out.
double training_flops(Method method, int64_t base_parameters, int64_t trained_parameters);

// The figures of a data set: an object.
Json to_json(const DatasetReport& report);

}  // namespace nalar::train
