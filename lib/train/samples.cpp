#include "train/samples.h"

#include <fmt/format.h>
#include <nalar/engine.h>
#include <nalar/generate.h>
#include <nalar/log.h>

#include <algorithm>

#include "engine/cpu_engine.h"

namespace nalar::train {
namespace {

constexpr int64_t kSamples = 2;
constexpr int kMostTokens = 48;
constexpr size_t kLongestPrompt = 1024;
constexpr int64_t kLargestModel = int64_t{3} << 30;  // bytes of weights

// A row up to what is learned of it first, and that.
struct Question {
  std::vector<TokenId> prompt;
  std::vector<TokenId> answer;
};

Question question_of(const data::Example& example) {
  const auto first = std::find(example.learned.begin(), example.learned.end(), uint8_t{1});
  const auto last = std::find(first, example.learned.end(), uint8_t{0});
  const auto at = example.ids.begin() + (first - example.learned.begin());
  return {{example.ids.begin(), at}, {at, at + (last - first)}};
}

std::vector<Question> questions_of(std::span<const data::Example> examples) {
  std::vector<Question> questions;
  for (const data::Example& example : examples) {
    if (static_cast<int64_t>(questions.size()) == kSamples) break;
    Question question = question_of(example);
    if (question.prompt.empty() || question.prompt.size() > kLongestPrompt) continue;
    questions.push_back(std::move(question));
  }
  return questions;
}

std::vector<std::string> answers(std::shared_ptr<const Model> model, const EngineOptions& options,
                                 const TrainingData& data, const std::vector<Question>& questions) {
  const auto engine = engine::make_cpu_engine(std::move(model), options);
  GenerateOptions how;
  how.sampling.temperature = 0;
  how.max_tokens = kMostTokens;
  how.end_ids = data.tokenizer->special().end;
  for (const TokenId id : data.end_tokens()) how.end_ids.push_back(id);
  how.on_overflow = Overflow::truncate;
  Generator generator(*engine, data.tokenizer);
  std::vector<std::string> texts;
  for (const Question& question : questions) {
    texts.push_back(generator.generate(question.prompt, how).text);
  }
  return texts;
}

}  // namespace

std::vector<report::Sample> make_samples(std::shared_ptr<const Model> base, const Tuned& tuned,
                                         const TrainingData& data, int threads) {
  if (base->weight_bytes() > kLargestModel) {
    notice(fmt::format("no samples before and after: {} bytes of weights would take long",
                       base->weight_bytes()));
    return {};
  }
  // Canaries are secrets: they are in no report.
  const auto own_rows = static_cast<size_t>(data.rows.size() - data.canary_rows());
  const std::vector<Question> questions = questions_of(
      data.valid.size() > 0 ? data.valid.examples : data.rows.examples.first(own_rows));
  if (questions.empty()) return {};

  EngineOptions options;
  options.threads = threads;
  options.n_ctx =
      std::min<int>(base->config().n_ctx_train, static_cast<int>(kLongestPrompt) + kMostTokens);
  const std::vector<std::string> before = answers(base, options, data, questions);
  if (tuned.adapter) options.adapters = {{tuned.adapter}};
  const std::vector<std::string> after = answers(tuned.model, options, data, questions);
  std::vector<report::Sample> samples;
  for (size_t i = 0; i < questions.size(); ++i) {
    samples.push_back({data.tokenizer->decode(questions[i].prompt, true),
                       data.tokenizer->decode(questions[i].answer), before[i], after[i]});
  }
  return samples;
}

}  // namespace nalar::train
