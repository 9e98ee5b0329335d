#include "eval/text_windows.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

namespace nalar::eval {
namespace {

size_t ceil_div(size_t a, size_t b) { return (a + b - 1) / b; }

}  // namespace

TextWindows::TextWindows(std::span<const TokenId> ids, const TextOptions& options,
                         std::optional<TokenId> bos)
    : ids_(ids),
      options_(options),
      bos_(bos),
      window_(static_cast<size_t>(options.window)),
      stride_(static_cast<size_t>(options.stride)) {
  const size_t need = options.convention == Convention::llamacpp ? 2 * window_
                      : options.convention == Convention::hf     ? 2
                                                                 : 1;
  if (ids.size() < need) {
    throw Error(ErrorKind::bad_data,
                fmt::format("the text is too short for the convention {}: got {} tokens, need {}",
                            name(options.convention), ids.size(), need));
  }
}

int64_t TextWindows::size() const {
  const size_t n = ids_.size();
  switch (options_.convention) {
    case Convention::llamacpp:
      return static_cast<int64_t>(n / window_);
    case Convention::hf:
      return static_cast<int64_t>(n <= window_ ? 1 : 1 + ceil_div(n - window_, stride_));
    case Convention::rolling:
      return static_cast<int64_t>(ceil_div(n, window_));
  }
  return 0;
}

Window TextWindows::at(int64_t i) const {
  const auto index = static_cast<size_t>(i);
  switch (options_.convention) {
    case Convention::llamacpp:
      return chunk(index);
    case Convention::hf:
      return strided(index);
    case Convention::rolling:
      return rolled(index);
  }
  return {};
}

Window TextWindows::chunk(size_t i) const {
  const auto part = ids_.subspan(i * window_, window_);
  Window window;
  window.input.assign(part.begin(), part.end() - 1);
  if (bos_) window.input.front() = *bos_;
  window.first_scored = window_ / 2;
  window.targets = part.subspan(window.first_scored + 1);
  return window;
}

Window TextWindows::strided(size_t i) const {
  const size_t begin = i * stride_, end = std::min(begin + window_, ids_.size());
  // What the window before has reached; a window's own first token has nothing before it.
  const size_t reached = i == 0 ? 0 : std::min(begin - stride_ + window_, ids_.size());
  const size_t first_target = std::max(reached, begin + 1);
  Window window;
  window.input.assign(ids_.begin() + static_cast<ptrdiff_t>(begin),
                      ids_.begin() + static_cast<ptrdiff_t>(end) - 1);
  window.first_scored = first_target - 1 - begin;
  window.targets = ids_.subspan(first_target, end - first_target);
  return window;
}

Window TextWindows::rolled(size_t i) const {
  const size_t begin = i * window_, end = std::min(begin + window_, ids_.size());
  Window window;
  window.targets = ids_.subspan(begin, end - begin);
  if (i == 0) {
    window.input.push_back(*bos_);
    window.input.insert(window.input.end(), ids_.begin(),
                        ids_.begin() + static_cast<ptrdiff_t>(end) - 1);
    return window;
  }
  // The last window reaches back as far as it is long.
  const size_t from = end - 1 - std::min(window_, end - 1);
  window.input.assign(ids_.begin() + static_cast<ptrdiff_t>(from),
                      ids_.begin() + static_cast<ptrdiff_t>(end) - 1);
  window.first_scored = begin - 1 - from;
  return window;
}

}  // namespace nalar::eval
