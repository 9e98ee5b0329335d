#pragma once

#include <nalar/finetune.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bigram_model.h"
#include "train/trainer.h"

namespace nalar::test {

inline constexpr int kVocab = 12;

// A small training of a BigramModel with all that a trainer has, its state kept in memory or in a
// folder.
struct Training {
  MadeRows made;
  MadeRows held_back;
  FinetuneOptions options;
  BigramModel model;
  train::Rows rows, valid;
  std::unique_ptr<train::UpdatePlan> plan;
  train::TrainState state;
  train::TrainerHooks hooks;
  std::vector<FinetuneEvent> log;
  std::vector<int64_t> saved;  // steps

  explicit Training(FinetuneOptions o, int n_rows = 20, int n_valid = 6, double dropout = 0.2)
      : made(n_rows, kVocab, 1),
        held_back(n_valid, kVocab, 2),
        options(std::move(o)),
        model(kVocab, dropout),
        rows(made.rows()),
        valid(held_back.rows()) {
    const data::PackOptions pack = train::pack_options(options, rows);
    plan = std::make_unique<train::UpdatePlan>(rows, options, pack);
    state.batch_tokens = pack.batch_tokens;
    state.dtype = "fp32";
    state.moments = train::initial_moments(options.optimizer, model.parameters());
    hooks.log = [this](const FinetuneEvent& event) { log.push_back(event); };
    hooks.save = [this] { saved.push_back(state.step); };
  }
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  train::Ended run() {
    return train::Trainer({model, rows, valid, *plan, options, state}, hooks).run();
  }
  std::vector<float> values() {
    std::vector<float> all;
    for (const train::Parameter& p : model.parameters()) {
      all.insert(all.end(), p.value.begin(), p.value.end());
    }
    return all;
  }
};

// Three epochs of five updates, each of several micro-batches; evaluations in between.
inline FinetuneOptions small_recipe() {
  FinetuneOptions options;
  options.epochs = 3;
  options.batch_rows = 4;
  options.batch_tokens = 16;
  options.lr = 0.05;
  options.weight_decay = 0.01;
  options.warmup = 0.2;
  options.eval_every = 4;
  options.seed = 3;
  return options;
}

}  // namespace nalar::test
