#pragma once

#include <nalar/chat.h>
#include <nalar/dataset.h>
#include <nalar/finetune.h>
#include <nalar/model.h>
#include <nalar/tokenizer.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "data/canaries.h"
#include "train/update_plan.h"

namespace nalar::train {

// The rows of a training and how the model reads them.
struct TrainingData {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::optional<ChatTemplate> chat;
  std::shared_ptr<const Dataset> dataset;
  std::shared_ptr<const Dataset> valid_dataset;  // nullptr: none of its own
  Rows rows;
  Rows valid;  // the valid_dataset's, or the last rows of the dataset, or none
  // What --canaries asks for; they are the last of `rows`.
  std::optional<data::Canaries> canaries;

  int64_t canary_rows() const {
    return canaries ? static_cast<int64_t>(canaries->secrets.size()) * canaries->repeats : 0;
  }

  // Ids that end what is learned of a row and that steer the model, rising: what ends a turn.
  std::vector<TokenId> end_tokens() const;

  // With canaries, `rows` borrow these: the dataset's and the canaries'.
  std::vector<data::Example> examples;
  std::vector<std::string> paths;
};

// `clock`: see ChatTemplate::set_clock. Errors: those of open_tokenizer, open_chat_template and
// open_dataset; usage where --valid-split leaves nothing to train on; bad_data for an id that the
// model has no row for.
TrainingData read_training_data(const Model& model, const FinetuneOptions& options, int64_t clock,
                                const std::function<bool()>& stopped);

}  // namespace nalar::train
