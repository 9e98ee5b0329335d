#include "eval/python_regex.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include "base/utf8.h"
#include "tokenizer/pcre2_handles.h"

namespace nalar::eval {
namespace {

constexpr uint32_t kMatchLimit = 10'000'000, kDepthLimit = 10'000, kHeapLimitKib = 64 << 10;

PCRE2_SPTR units(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

}  // namespace

struct PythonRegex::Code {
  tokenizer::PcreCode pcre;
};

PythonRegex::~PythonRegex() = default;
PythonRegex::PythonRegex(PythonRegex&&) noexcept = default;
PythonRegex& PythonRegex::operator=(PythonRegex&&) noexcept = default;

PythonRegex::PythonRegex(std::string pattern) : pattern_(std::move(pattern)) {
  constexpr uint32_t kOptions =
      PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
  auto code = std::make_unique<Code>();
  int error = 0;
  PCRE2_SIZE at = 0;
  code->pcre.reset(pcre2_compile(units(pattern_), pattern_.size(), kOptions, &error, &at, nullptr));
  if (!code->pcre) {
    throw Error(ErrorKind::bad_data,
                fmt::format("invalid pattern \"{}\": {}", base::escaped(pattern_, 80),
                            tokenizer::pcre_message(error)));
  }
  code_ = std::move(code);
}

std::vector<PythonRegex::Match> PythonRegex::find_all(std::string_view text) const {
  const tokenizer::PcreMatchData data(
      pcre2_match_data_create_from_pattern(code_->pcre.get(), nullptr));
  const tokenizer::PcreMatchContext context(pcre2_match_context_create(nullptr));
  if (!data || !context) throw Error(ErrorKind::os, "out of memory in a regular expression");
  pcre2_set_match_limit(context.get(), kMatchLimit);
  pcre2_set_depth_limit(context.get(), kDepthLimit);
  pcre2_set_heap_limit(context.get(), kHeapLimitKib);
  std::vector<Match> out;
  size_t from = 0;
  uint32_t options = 0;
  while (true) {
    const int rc = pcre2_match(code_->pcre.get(), units(text), text.size(), from, options,
                               data.get(), context.get());
    if (rc == PCRE2_ERROR_NOMATCH) return out;
    if (rc < 0) {
      throw Error(
          ErrorKind::bad_data,
          fmt::format("pattern \"{}\" gave up on a text of {} bytes: {}",
                      base::escaped(pattern_, 80), text.size(), tokenizer::pcre_message(rc)));
    }
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data.get());
    Match& match = out.emplace_back(pcre2_get_ovector_count(data.get()));
    for (size_t g = 0; g < match.size(); ++g) {
      const size_t begin = bounds[2 * g], end = bounds[2 * g + 1];
      if (begin <= end && end <= text.size()) match[g] = text.substr(begin, end - begin);
    }
    from = bounds[1];
    // Behind an empty match the next one may begin at its place, but must not be empty there.
    options = match[0].empty() ? PCRE2_NOTEMPTY_ATSTART : 0;
  }
}

std::string PythonRegex::remove_all(std::string_view text) const {
  std::string out;
  size_t at = 0;
  for (const Match& match : find_all(text)) {
    if (match[0].empty()) continue;
    const auto begin = static_cast<size_t>(match[0].data() - text.data());
    out += text.substr(at, begin - at);
    at = begin + match[0].size();
  }
  return out += text.substr(at);
}

}  // namespace nalar::eval
