#pragma once

#include <nalar/chat.h>
#include <nalar/tokenizer.h>

#include <string_view>
#include <vector>

namespace nalar::eval {

// A continuation after its context, as ids: the last `n_scored` are the continuation.
struct Request {
  std::vector<TokenId> tokens;
  size_t n_scored = 0;
  bool truncated = false;  // the context lost its beginning

  // Positions whose logits predict the continuation: from here to the last but one.
  size_t first_scored() const { return tokens.size() - n_scored - 1; }
  size_t input_size() const { return tokens.size() - 1; }
};

// By the rules of lm-evaluation-harness: white space at the end of the context goes over to the
// continuation, whose ids are those of the whole text behind as many as the context alone has; an
// empty context is the BOS (or EOS) token; what is over `n_ctx` is cut from the left. Control
// tokens are made of the template's text alone. Errors: bad_data for a continuation without ids or
// over the context.
Request make_request(const Prompt& context, std::string_view continuation,
                     const Tokenizer& tokenizer, int n_ctx);
// A document's windows for rolling log-likelihood.
std::vector<Request> rolling_requests(std::string_view document, const Tokenizer& tokenizer,
                                      int n_ctx);
// A prompt that is to be answered.
std::vector<TokenId> prompt_ids(const Prompt& prompt, const Tokenizer& tokenizer);

}  // namespace nalar::eval
