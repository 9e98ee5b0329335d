#include <nalar/chat.h>
#include <nalar/error.h>

#include <string>

#include "base/utf8.h"
#include "fuzz/fuzz.h"

namespace nalar::fuzz {
namespace {

// Small limits: a run is to be short, the code behind them is the same.
TemplateLimits small_limits() {
  TemplateLimits limits;
  limits.max_steps = 20'000;
  limits.max_output_bytes = int64_t{1} << 18;
  return limits;
}

const Json& variables() {
  static const Json json = parse_json(R"({"messages": [
      {"role": "system", "content": "Be <|brief|>."},
      {"role": "user", "content": "Grüße, \u0130\n\tworld", "n": [1, -2.5, null, true]},
      {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}],
      "tools": [{"n": "f", "items": {"k": "v"}}], "add_generation_prompt": true, "x": 7, "e": ""})");
  return json;
}

}  // namespace

void one(std::string_view input) {
  const ChatTemplate parsed(std::string(input), Json::Object{{"eos_token", "</s>"}},
                            small_limits());
  const Prompt prompt = parsed.render(variables());
  need(base::is_valid_utf8(prompt.text()), "a rendering is UTF-8");
  need(prompt.text().size() <= size_t{1} << 18, "a rendering is within its limit");
  for (const PromptSpan& span : prompt.spans) need(!span.text.empty(), "no span is empty");
}

}  // namespace nalar::fuzz
