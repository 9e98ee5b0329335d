#include "train/training_data.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/log.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <span>

namespace nalar::train {
namespace {

constexpr double kDefaultShare = 0.05;  // of the rows that is held back
constexpr int64_t kFewRows = 200;       // none is, up to here

Rows all_rows(const Dataset& dataset) { return {dataset.examples(), dataset.paths()}; }

// How many of n rows are held back.
int64_t held_back(const FinetuneOptions& options, int64_t n) {
  const double share = options.valid_split.value_or(n > kFewRows ? kDefaultShare : 0);
  const auto rows = static_cast<int64_t>(std::ceil(share * static_cast<double>(n)));
  if (rows < n) return rows;
  throw Error(ErrorKind::usage, fmt::format("--valid-split {}: holds back all of {} rows, need one "
                                            "to train on",
                                            share, n));
}

void tell_length(const DatasetReport& report, int n_ctx_train) {
  if (report.longest <= n_ctx_train) return;
  notice(
      fmt::format("rows have up to {} tokens, the model was trained on {}: --max-length {} "
                  "keeps to what it knows",
                  report.longest, n_ctx_train, n_ctx_train));
}

void check_ids(const Rows& rows, int vocab_size) {
  for (int64_t i = 0; i < rows.size(); ++i) {
    for (const TokenId id : rows.examples[static_cast<size_t>(i)].ids) {
      if (id >= 0 && id < vocab_size) continue;
      throw Error(ErrorKind::bad_data,
                  fmt::format("{}: token id: got {}, need 0 to {}", rows.places(std::span(&i, 1)),
                              id, vocab_size - 1));
    }
  }
}

// Whether the data are conversations that went through the chat template.
bool are_chats(const DatasetReport& report) {
  return std::any_of(report.formats.begin(), report.formats.end(), [](const auto& format) {
    return format.first == data::name(data::Format::messages) ||
           format.first == data::name(data::Format::sharegpt) ||
           format.first == data::name(data::Format::alpaca);
  });
}

// Behind the rows that are trained on, never among those that are held back.
void add_canaries(const FinetuneOptions& options, TrainingData& data) {
  const ChatTemplate* chat = data.chat ? &*data.chat : nullptr;
  const data::EncodeContext context{*data.tokenizer, chat, options.data.learn};
  data.canaries = data::draw_canaries(options.canaries, options.canary_repeats, options.seed,
                                      chat != nullptr && are_chats(data.dataset->report()));
  data.examples.assign(data.rows.examples.begin(), data.rows.examples.end());
  data.paths.assign(data.rows.paths.begin(), data.rows.paths.end());
  data.paths.emplace_back("--canaries");
  int64_t number = 0;
  for (const std::string& secret : data.canaries->secrets) {
    data::Example example = data::encode_canary(*data.canaries, secret, context);
    if (static_cast<int64_t>(example.ids.size()) > options.data.max_length) {
      throw Error(ErrorKind::usage,
                  fmt::format("--canaries: a canary has {} tokens, --max-length is {}",
                              example.ids.size(), options.data.max_length));
    }
    example.file = static_cast<int32_t>(data.paths.size()) - 1;
    example.line = ++number;
    data.examples.insert(data.examples.end(), static_cast<size_t>(options.canary_repeats), example);
  }
  data.rows = {data.examples, data.paths};
}

}  // namespace

std::vector<TokenId> TrainingData::end_tokens() const {
  const std::vector<TokenId>& known = tokenizer->special().end;
  std::set<TokenId> ends;
  for (const data::Example& example : rows.examples) {
    const auto last = std::find(example.learned.rbegin(), example.learned.rend(), uint8_t{1});
    if (last == example.learned.rend()) continue;
    const TokenId id = example.ids[static_cast<size_t>(example.learned.rend() - last) - 1];
    const bool ends_text =
        id < tokenizer->n_tokens() && (tokenizer->kind(id) == TokenKind::control ||
                                       std::find(known.begin(), known.end(), id) != known.end());
    if (ends_text) ends.insert(id);
  }
  return {ends.begin(), ends.end()};
}

TrainingData read_training_data(const Model& model, const FinetuneOptions& options, int64_t clock,
                                const std::function<bool()>& stopped) {
  TrainingData data;
  data.tokenizer = open_tokenizer(model.files());
  if (auto chat = open_chat_template(model.files(), *data.tokenizer)) {
    data.chat.emplace(std::move(*chat));
    data.chat->set_clock(clock);
  }
  const ChatTemplate* chat = data.chat ? &*data.chat : nullptr;
  data.dataset = open_dataset(options.data, *data.tokenizer, chat, stopped);
  data.rows = all_rows(*data.dataset);
  if (options.valid) {
    DatasetOptions valid = options.data;
    valid.paths = {*options.valid};
    data.valid_dataset = open_dataset(valid, *data.tokenizer, chat, stopped);
    data.valid = all_rows(*data.valid_dataset);
  } else {
    const int64_t n = held_back(options, data.rows.size());
    const auto first = static_cast<size_t>(data.rows.size() - n);
    data.valid = {data.rows.examples.subspan(first), data.rows.paths};
    data.rows.examples = data.rows.examples.first(first);
  }
  if (options.canaries > 0) add_canaries(options, data);
  tell_length(data.dataset->report(), model.config().n_ctx_train);
  check_ids(data.rows, model.config().vocab_size);
  check_ids(data.valid, model.config().vocab_size);
  return data;
}

}  // namespace nalar::train
