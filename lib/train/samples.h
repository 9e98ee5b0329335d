#pragma once

#include <nalar/finetune.h>
#include <nalar/model.h>

#include <memory>
#include <string>
#include <vector>

#include "report/training_record.h"
#include "train/training_data.h"

namespace nalar::train {

// What base and result say to the first prompts that were held back (else to the first ones that
// were trained on), token by token the most likely one. `folder` holds the result: an adapter, or a
// whole model. Left out with a notice where a model is so large that it would take long.
std::vector<report::Sample> make_samples(std::shared_ptr<const Model> base,
                                         const FinetuneOptions& options, const TrainingData& data,
                                         const std::string& folder);

}  // namespace nalar::train
