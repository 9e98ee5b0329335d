#include "generate/context_plan.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

namespace nalar::generate {
namespace {

constexpr const char* kHint = "a larger --ctx, or --on-overflow shift or truncate";

void need_room(size_t prompt, size_t n_ctx, int max_tokens) {
  // The last token of an answer needs no place: nothing follows it.
  if (prompt > n_ctx) {
    throw Error(ErrorKind::usage,
                fmt::format("the prompt is too long: got {} tokens, need at most {} (the context)",
                            prompt, n_ctx),
                kHint);
  }
  const size_t room = n_ctx - prompt + 1;
  if (max_tokens > 0 && static_cast<size_t>(max_tokens) > room) {
    throw Error(
        ErrorKind::usage,
        fmt::format(
            "--max-tokens: got {}, need at most {} (a prompt of {} tokens in a context of {})",
            max_tokens, room, prompt, n_ctx),
        kHint);
  }
}

// Without its beginning: the end of it, with room for the answer in up to half of the context.
std::vector<TokenId> without_beginning(const std::vector<TokenId>& prompt, size_t n_ctx,
                                       int max_tokens, std::optional<TokenId> bos) {
  size_t room = n_ctx / 2;
  if (max_tokens > 0) room = std::min(room, static_cast<size_t>(max_tokens));
  const size_t kept = std::max<size_t>(1, n_ctx - room);
  std::vector<TokenId> ids(prompt.end() - static_cast<ptrdiff_t>(kept), prompt.end());
  if (bos && prompt.front() == *bos && kept > 1) ids.front() = *bos;
  return ids;
}

}  // namespace

std::vector<TokenId> shifted(const std::vector<TokenId>& ids) {
  const size_t start = std::min(kKeptAtStart, (ids.size() - 1) / 2);
  const size_t dropped = std::max<size_t>(1, (ids.size() - start) / 2);
  std::vector<TokenId> rest(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(start));
  rest.insert(rest.end(), ids.begin() + static_cast<ptrdiff_t>(start + dropped), ids.end());
  return rest;
}

std::vector<TokenId> fit_prompt(const std::vector<TokenId>& prompt, size_t n_ctx,
                                const GenerateOptions& options, std::optional<TokenId> bos) {
  if (prompt.empty())
    throw Error(ErrorKind::usage, "the prompt is empty: got 0 tokens, need 1 or more");
  switch (options.on_overflow) {
    case Overflow::error:
      need_room(prompt.size(), n_ctx, options.max_tokens);
      return prompt;
    case Overflow::shift: {
      std::vector<TokenId> ids = prompt;
      while (ids.size() > n_ctx) ids = shifted(ids);
      return ids;
    }
    case Overflow::truncate:
      if (prompt.size() <= n_ctx) return prompt;
      return without_beginning(prompt, n_ctx, options.max_tokens, bos);
  }
  throw Error(ErrorKind::internal, "unknown overflow policy");
}

}  // namespace nalar::generate
