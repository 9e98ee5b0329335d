#include "eval/request.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

#include "eval/filters.h"
#include "eval/text_windows.h"

namespace nalar::eval {
namespace {

// A prompt as one text, and which ranges of it may become control tokens.
struct FlatPrompt {
  std::string text;
  std::vector<TextRange> written;

  explicit FlatPrompt(const Prompt& prompt) {
    for (const PromptSpan& span : prompt.spans) {
      if (span.text.empty()) continue;
      const size_t begin = text.size(), end = begin + span.text.size();
      text += span.text;
      if (!span.from_template) continue;
      if (!written.empty() && written.back().end == begin) {
        written.back().end = end;
      } else {
        written.push_back({begin, end});
      }
    }
  }

  std::vector<TokenId> encode(std::string_view whole, const Tokenizer& tokenizer) const {
    EncodeOptions options;
    options.parse_special = true;
    options.special_ranges = written;
    options.add_special = !begins_with_bos(tokenizer);
    std::vector<TokenId> ids = tokenizer.encode(whole, options);
    // What the tokenizer adds behind a text is no part of a prompt.
    const auto eos = tokenizer.special().eos;
    if (options.add_special && tokenizer.adds_eos() && !ids.empty() && ids.back() == eos) {
      ids.pop_back();
    }
    return ids;
  }

 private:
  bool begins_with_bos(const Tokenizer& tokenizer) const {
    const auto bos = tokenizer.special().bos;
    return bos && !written.empty() && written.front().begin == 0 &&
           text.starts_with(tokenizer.piece(*bos));
  }
};

TokenId prefix_token(const Tokenizer& tokenizer) {
  const SpecialTokens& special = tokenizer.special();
  const auto id = special.bos ? special.bos : special.eos;
  if (!id) {
    throw Error(ErrorKind::bad_data,
                "an empty context needs a tokenizer with a BOS or EOS token: got neither");
  }
  return *id;
}

}  // namespace

Request make_request(const Prompt& context, std::string_view continuation,
                     const Tokenizer& tokenizer, int n_ctx) {
  FlatPrompt flat(context);
  const std::string whole = flat.text + std::string(continuation);
  const std::string_view trimmed = stripped(flat.text);
  const size_t kept =
      trimmed.empty() ? 0 : static_cast<size_t>(trimmed.data() - flat.text.data()) + trimmed.size();
  Request request;
  size_t n_context = 0;
  if (flat.text.empty()) {
    request.tokens = tokenizer.encode(continuation, {});
    const TokenId prefix = prefix_token(tokenizer);
    if (request.tokens.empty() || request.tokens.front() != prefix) {
      request.tokens.insert(request.tokens.begin(), prefix);
    }
    n_context = 1;
  } else {
    request.tokens = flat.encode(whole, tokenizer);
    n_context = flat.encode(std::string_view(flat.text).substr(0, kept), tokenizer).size();
    if (n_context == 0) {
      request.tokens.insert(request.tokens.begin(), prefix_token(tokenizer));
      n_context = 1;
    }
  }
  const size_t limit = static_cast<size_t>(n_ctx) + 1;
  if (request.tokens.size() <= n_context) {
    throw Error(ErrorKind::bad_data, "a continuation is empty: got no token after its context");
  }
  request.n_scored = request.tokens.size() - n_context;
  if (request.n_scored >= limit) {
    throw Error(
        ErrorKind::bad_data,
        fmt::format("a continuation is too long: got {} tokens, need at most {} (the context)",
                    request.n_scored, n_ctx));
  }
  if (request.tokens.size() > limit) {
    request.tokens.erase(request.tokens.begin(),
                         request.tokens.end() - static_cast<ptrdiff_t>(limit));
    request.truncated = true;
  }
  return request;
}

std::vector<Request> rolling_requests(std::string_view document, const Tokenizer& tokenizer,
                                      int n_ctx) {
  const std::vector<TokenId> ids = FlatPrompt({}).encode(document, tokenizer);
  if (ids.empty()) throw Error(ErrorKind::bad_data, "the document is empty");
  const TextWindows windows(ids, {Convention::rolling, n_ctx, 0}, prefix_token(tokenizer));
  std::vector<Request> out;
  for (int64_t i = 0; i < windows.size(); ++i) {
    Window window = windows.at(i);
    Request& request = out.emplace_back();
    request.n_scored = window.targets.size();
    request.tokens = std::move(window.input);
    request.tokens.push_back(window.targets.back());
  }
  return out;
}

std::vector<TokenId> prompt_ids(const Prompt& prompt, const Tokenizer& tokenizer) {
  const FlatPrompt flat(prompt);
  return flat.encode(flat.text, tokenizer);
}

}  // namespace nalar::eval
