#include "answer_json.h"

#include <fmt/format.h>

namespace nalar::apps {
namespace {

double per_second(size_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

size_t prompt_work(const GenerateResult& result) {
  return static_cast<size_t>(result.prompt_tokens - result.reused_tokens);
}

Json token_json(const TokenLogprob& t) {
  return Json::Object{{"id", t.id}, {"token", t.token}, {"logprob", double{t.logprob}}};
}

Json scores_json(const std::vector<TokenScore>& scores) {
  Json::Array all;
  for (const TokenScore& score : scores) {
    Json::Array top;
    for (const TokenLogprob& t : score.top) top.push_back(token_json(t));
    Json one = token_json(score);
    one.set("top", std::move(top));
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

Json answer_json(const GenerateResult& result, double load_s, bool with_logprobs) {
  const GenerateTimings& t = result.timings;
  Json json = Json::Object{
      {"text", result.text},
      {"finish_reason", name(result.finish_reason)},
      {"usage", Json::Object{{"prompt_tokens", result.prompt_tokens},
                             {"completion_tokens", static_cast<int64_t>(result.tokens.size())}}},
      {"timings", Json::Object{{"load_s", load_s},
                               {"prompt_s", t.prompt_s},
                               {"generate_s", t.generate_s},
                               {"prompt_tokens_per_s", per_second(prompt_work(result), t.prompt_s)},
                               {"tokens_per_s", per_second(result.tokens.size(), t.generate_s)}}},
      {"tokens", Json::Array(result.tokens.begin(), result.tokens.end())}};
  if (with_logprobs) json.set("logprobs", scores_json(result.logprobs));
  return json;
}

Json prompt_json(const RenderedPrompt& prompt, const Tokenizer& tokenizer) {
  Json::Array special;
  for (const TokenId id : prompt.ids)
    special.emplace_back(tokenizer.kind(id) == TokenKind::control);
  return Json::Object{{"text", prompt.text},
                      {"ids", Json::Array(prompt.ids.begin(), prompt.ids.end())},
                      {"special", std::move(special)}};
}

std::string timing_line(const GenerateResult& result, double load_s) {
  const GenerateTimings& t = result.timings;
  return fmt::format(
      "load {:.3f} s; prompt {} tokens in {:.3f} s ({:.1f}/s); answer {} tokens in {:.3f} s "
      "({:.1f}/s), {}",
      load_s, prompt_work(result), t.prompt_s, per_second(prompt_work(result), t.prompt_s),
      result.tokens.size(), t.generate_s, per_second(result.tokens.size(), t.generate_s),
      name(result.finish_reason));
}

}  // namespace nalar::apps
