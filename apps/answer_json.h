#pragma once

#include <nalar/generate.h>
#include <nalar/json.h>

#include "prompt_flags.h"

namespace nalar::apps {

// The result of run --json.
Json answer_json(const GenerateResult& result, double load_s, bool with_logprobs);
// {"text", "ids", "special": [whether each id is a control token]}
Json prompt_json(const RenderedPrompt& prompt, const Tokenizer& tokenizer);
// For -v: "load 0.05 s, prompt 35 tokens in 0.020 s (1750 tokens/s), …".
std::string timing_line(const GenerateResult& result, double load_s);

}  // namespace nalar::apps
