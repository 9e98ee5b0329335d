#pragma once

#include <nalar/adapter.h>
#include <nalar/model.h>

#include <memory>
#include <vector>

#include "report/training_record.h"
#include "train/training_data.h"

namespace nalar::train {

// What came out: the base with an adapter, or a model of its own.
struct Tuned {
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Adapter> adapter;  // nullptr: none
};

// What base and result say to the first prompts that were held back (else to the first ones that
// were trained on), token by token the most likely one. Left out with a notice where a model is so
// large that it would take long.
std::vector<report::Sample> make_samples(std::shared_ptr<const Model> base, const Tuned& tuned,
                                         const TrainingData& data, int threads);

}  // namespace nalar::train
